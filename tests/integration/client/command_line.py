"""The command line in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).parent / "pdfgateway"
RUN_SECONDS_MAX = 30


class CommandLine:
    """Runs the command in a process of its own."""

    def __init__(self, address: str) -> None:
        self.environment = {**os.environ, "PDFGATEWAY_ADDRESS": address, "COLUMNS": "200", "NO_COLOR": "1"}

    def __call__(self, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run the command to its end."""
        return subprocess.run(
            [COMMAND, *arguments],
            input=content,
            env=self.environment,
            capture_output=True,
            timeout=RUN_SECONDS_MAX,
            check=False,
        )

    def start(self, *arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """Start the command."""
        return subprocess.Popen(
            [COMMAND, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
        )


def lines(output: bytes) -> list[str]:
    """The lines of an output."""
    return output.decode().splitlines()
