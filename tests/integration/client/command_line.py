"""The command line in a process of its own."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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

    def start(
        self,
        *arguments: str,
        stdin: int | None = None,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start the command."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )


class Terminal:
    """A terminal: what a command's streams may be, and the other side of it, where a person sits."""

    def __init__(self, person: int, command: int) -> None:
        self.command = command
        """The command's side; the command has it for itself once `read` is called."""
        self._person = person

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._person, text.encode())

    def read_until(self, words: str) -> str:
        """What is shown until these words are."""
        shown = b""
        while words.encode() not in shown:
            shown += os.read(self._person, 65536)
        return shown.decode()

    def read(self) -> str:
        """What is shown until the command has ended."""
        os.close(self.command)
        self.command = -1
        shown = b""
        while True:
            try:
                shown += os.read(self._person, 65536)
            except OSError:
                return shown.decode()


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A terminal for one command."""
    person, command = pty.openpty()
    opened = Terminal(person, command)
    try:
        yield opened
    finally:
        os.close(person)
        if opened.command >= 0:
            os.close(opened.command)


def lines(output: bytes) -> list[str]:
    """The lines of an output."""
    return output.decode().splitlines()
