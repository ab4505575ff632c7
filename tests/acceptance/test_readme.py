"""README's commands, run as they stand there: what a stranger types first is what is tested.

Of README's code blocks those marked `sh` are run by a shell, line by line, and those marked `python` by Python. Where a
block is marked `sh url`, its URL on the internet is replaced by one of a local origin.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.acceptance.gateway_process import RunningGateway
from tests.origin import Origin

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 60
TOOLS_BESIDE_THE_PROJECT = ("curl", "grpcurl")
"""Programs that README uses and that the project's own set-up does not bring."""
END_OF_COMMAND = "--- exit"

_BLOCK = re.compile(r"^### (?P<heading>.+)$|^```(?P<mark>(?:sh|python)\b.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"([A-Z]+)=\$\(")
_URL = re.compile(r"https?://(?!localhost)[^\"' ]+")


class Expected(NamedTuple):
    """What a command prints among other things, and how it exits."""

    fragment: str
    exit_code: int = 0


ID = Expected("-4")
"""A variable holds a job's id, a UUID of version 4."""

EXPECTED: dict[str, list[Expected]] = {
    "curl": [
        ID,
        Expected('"state":"SUCCEEDED"'),
        Expected('"page_count":40'),
        Expected('"max_summary_paragraphs":1'),
        Expected('"state":"QUEUED"'),
        ID,
        Expected('"state":"CANCELL'),
        Expected('"dead_letters":['),
        Expected('"replayed_count":'),
        Expected('"violations":[{"field":"url"'),
    ],
    "grpcurl": [
        Expected("pdfgateway.v1.PDFGatewayService"),
        Expected("rpc WatchStatus"),
        ID,
        Expected('"state": "JOB_STATE_SUCCEEDED"'),
        # grpcurl exits with 64 and the status code, which is 3 for INVALID_ARGUMENT.
        Expected('"reason": "INVALID_ARGUMENT"', exit_code=67),
        Expected("pdfgateway.v1.PDFGatewayService/SubmitPDF"),
        ID,
        Expected('"state": "JOB_STATE_SUCCEEDED"'),
    ],
    "Python": [Expected("The Night Shift"), Expected("page_count=40"), Expected("jobs replayed")],
    "Command line": [
        Expected("SUCCEEDED   40 pages"),
        ID,
        Expected("SUCCEEDED   40 pages"),
        Expected("sample.pdf, 40 pages"),
        Expected("replayed"),
        Expected("Exit codes: 0 all went well"),
    ],
    "The template's API": [ID, Expected('"status":"')],
}
"""For each of README's headings, what its commands do, in their order; a block of Python is one command."""


@dataclass(frozen=True, slots=True)
class Block:
    """One of README's code blocks that is run."""

    heading: str
    mark: str
    text: str
    expected: tuple[Expected, ...]

    @property
    def commands(self) -> list[str]:
        """What is run: each line for a shell, all of it for Python."""
        return [self.text] if self.mark == "python" else self.text.splitlines()


def readme_blocks() -> list[Block]:
    """README's blocks that are run, each with its part of EXPECTED, of which nothing may be left."""
    blocks: list[Block] = []
    left = {heading: list(expected) for heading, expected in EXPECTED.items()}
    heading = ""
    for match in _BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8")):
        if match["heading"]:
            heading = match["heading"]
            continue
        count = len(Block(heading, match["mark"], match["text"], ()).commands)
        expected, left[heading] = left[heading][:count], left[heading][count:]
        assert len(expected) == count, f"a command under README's heading {heading!r} has nothing expected of it"
        blocks.append(Block(heading, match["mark"], match["text"], tuple(expected)))
    assert not any(left.values()), f"README lacks the commands that this was expected of: {left}"
    return blocks


BLOCKS = readme_blocks()


def require_tools(text: str) -> None:
    """Leave the test out where it needs a program that is not here; in CI everything has to be there."""
    for tool in TOOLS_BESIDE_THE_PROJECT:
        if re.search(rf"(?<!buf )\b{tool} ", text) and shutil.which(tool) is None:
            if os.environ.get("CI"):
                pytest.fail(f"{tool} is not installed, and in CI no test is left out")
            pytest.skip(f"{tool} is not installed")


def shell_script(commands: list[str]) -> str:
    """The commands, each followed by the variable that it sets, if any, and a line with its exit code."""
    lines = []
    for command in commands:
        assignment = _ASSIGNMENT.match(command)
        lines += [command, "code=$?"]
        lines += [f'echo "${assignment[1]}"'] if assignment else []
        lines += [f'printf "\\n{END_OF_COMMAND} %s\\n" "$code"']
    return "\n".join(lines)


def run(arguments: list[str], gateway: RunningGateway) -> "subprocess.CompletedProcess[str]":
    """Run a program in the project's folder, with the gateway's address in its environment."""
    return subprocess.run(
        arguments,
        cwd=ROOT,
        env={**os.environ, "PDFGATEWAY_ADDRESS": gateway.grpc_address},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def outcomes(block: Block, gateway: RunningGateway, url: str) -> list[tuple[str, int]]:
    """What each command of a block prints, and its exit code; with this gateway's addresses and this URL."""
    text = block.text.replace("localhost:8000", gateway.http_url.removeprefix("http://"))
    text = text.replace("localhost:9000", gateway.grpc_address)
    text = text.replace(".venv/bin/", f"{shlex.quote(str(Path(sys.executable).parent))}/")
    if block.mark == "sh url":
        text = _URL.sub(url, text)
    if block.mark == "python":
        done = run([sys.executable, "-c", text], gateway)
        return [(done.stdout, done.returncode)]
    output = run(["sh", "-c", shell_script(text.splitlines())], gateway).stdout
    parts = re.split(rf"^{END_OF_COMMAND} (\d+)\n", output, flags=re.MULTILINE)
    return list(zip(parts[:-1:2], map(int, parts[1::2]), strict=True))


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{block.heading}-{number}" for number, block in enumerate(BLOCKS)])
def test_readmes_commands_do_what_it_says(block: Block, gateway: RunningGateway, origin: Origin) -> None:
    """Each command exits as it should, and prints what a reader is told to expect."""
    require_tools(block.text)
    url = origin.serve("/readme.pdf", (ROOT / "gateway/sample.pdf").read_bytes())
    found = outcomes(block, gateway, url)
    for command, (output, exit_code), expected in zip(block.commands, found, block.expected, strict=True):
        assert exit_code == expected.exit_code, f"{command}\n{output}"
        assert expected.fragment in output, f"{command}\n{output}"


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{block.heading}-{number}" for number, block in enumerate(BLOCKS)])
def test_no_command_needs_the_internet_unless_it_says_so(block: Block) -> None:
    """Blocks that name a host elsewhere are marked, so that no test ever asks it."""
    assert bool(_URL.search(block.text)) == (block.mark == "sh url")
