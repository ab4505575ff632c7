"""What all commands share: their common options, the client and the display made from these, and the exit."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import typer

from pdfgateway.channel import DEFAULT_ADDRESS
from pdfgateway.cli.batch import Input, Work, run_batch
from pdfgateway.cli.display import BarDisplay, ChangeDisplay, Display, ResultDisplay
from pdfgateway.cli.exit_codes import ExitCode
from pdfgateway.cli.job_text import job_json, job_text
from pdfgateway.client import PDFGatewayClient
from pdfgateway.job import Job

DEFAULT_TIMEOUT_SECONDS = 10.0
"""How long each answer of the gateway may take, unless --timeout says otherwise."""


@dataclass(frozen=True, slots=True)
class Session:
    """The options of all commands; they may stand before the command or after it."""

    address: str = DEFAULT_ADDRESS
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    json: bool = False

    def overridden(self, address: str | None, timeout_seconds: float | None, json: bool) -> "Session":
        """Return the session with the options that were given after the command."""
        return Session(
            self.address if address is None else address,
            self.timeout_seconds if timeout_seconds is None else timeout_seconds,
            self.json or json,
        )

    def run(
        self, inputs: Sequence[Input], work: Work, exit_code_of: Callable[[Job], ExitCode], *, follow: bool
    ) -> None:
        """Do the work for each input, show its jobs, with `follow` each change of them, and exit."""
        client = PDFGatewayClient(self.address, timeout_seconds=self.timeout_seconds)
        raise typer.Exit(run_batch(client, self._display(follow=follow), inputs, work, exit_code_of))

    def _display(self, *, follow: bool) -> Display:
        """Return where the jobs are shown."""
        text_of = job_json if self.json else job_text
        if not follow:
            return ResultDisplay(text_of)
        if self.json or not sys.stderr.isatty():
            return ChangeDisplay(text_of)
        return BarDisplay()
