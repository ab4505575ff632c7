"""What all commands share: their common options, the client and the display made from these, and the exit."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import typer

from pdfgateway.channel import DEFAULT_ADDRESS
from pdfgateway.cli.batch import Input, Work, error_text, run_batch
from pdfgateway.cli.display import BarDisplay, ChangeDisplay, Display, Found, ResultDisplay
from pdfgateway.cli.exit_codes import ExitCode, exit_code_of_error
from pdfgateway.cli.job_text import job_json, job_text
from pdfgateway.cli.listing import Item, Listing
from pdfgateway.cli.printable import one_line
from pdfgateway.client import PDFGatewayClient
from pdfgateway.errors import PDFGatewayError
from pdfgateway.job import Job
from pdfgateway.retry import BULK_SECONDS_MAX

DEFAULT_TIMEOUT_SECONDS = 10.0
"""How long each answer of the gateway may take, unless --timeout says otherwise."""


@dataclass(frozen=True, slots=True)
class Session:
    """The options of all commands; they may stand before the command or after it."""

    address: str = DEFAULT_ADDRESS
    timeout_seconds: float | None = None
    """How long each answer of the gateway may take; None for the command's default."""
    json: bool = False

    def overridden(self, address: str | None, timeout_seconds: float | None, json: bool) -> "Session":
        """Return the session with the options that were given after the command."""
        return Session(
            self.address if address is None else address,
            self.timeout_seconds if timeout_seconds is None else timeout_seconds,
            self.json or json,
        )

    @property
    def bulk_seconds_max(self) -> float:
        """How long a call may take that changes thousands of jobs."""
        return BULK_SECONDS_MAX if self.timeout_seconds is None else self.timeout_seconds

    def run(
        self,
        inputs: Sequence[Input],
        work: Work[Job],
        exit_code_of: Callable[[Job], ExitCode],
        *,
        follow: bool,
        text_of: Callable[[Job], str] = job_text,
    ) -> None:
        """Do the work for each input, show its jobs, with `follow` each change of them, and exit."""
        self._run(self._job_display(text_of, follow=follow), inputs, work, exit_code_of)

    def run_with_text(
        self,
        inputs: Sequence[Input],
        work: Work[Found],
        text_of: Callable[[Found], str],
        json_of: Callable[[Found], str],
    ) -> None:
        """Do the work for each input, show what comes of it, which is no job, and exit."""
        display = ResultDisplay(json_of if self.json else text_of)
        self._run(display, inputs, work, lambda _: ExitCode.SUCCESS)

    def list(self, listing: Listing[Item], items_of: Callable[[PDFGatewayClient], Iterator[Item]], limit: int) -> None:
        """List the first items, and exit."""
        with self._client() as client:
            try:
                listing.write(items_of(client), limit, json=self.json)
            except PDFGatewayError as error:
                typer.echo(f"pdfgateway: {one_line(error_text(error))}", err=True)
                raise typer.Exit(exit_code_of_error(error)) from None

    def _run(
        self,
        display: Display[Found],
        inputs: Sequence[Input],
        work: Work[Found],
        exit_code_of: Callable[[Found], ExitCode],
    ) -> None:
        """Do the work for each input, show what comes of it, and exit."""
        raise typer.Exit(run_batch(self._client(), display, inputs, work, exit_code_of))

    def _client(self) -> PDFGatewayClient:
        """Return a client of the gateway."""
        seconds = DEFAULT_TIMEOUT_SECONDS if self.timeout_seconds is None else self.timeout_seconds
        return PDFGatewayClient(self.address, timeout_seconds=seconds)

    def _job_display(self, text_of: Callable[[Job], str], *, follow: bool) -> Display[Job]:
        """Return where the jobs are shown."""
        text_of = job_json if self.json else text_of
        if not follow:
            return ResultDisplay(text_of)
        if self.json or not sys.stderr.isatty():
            return ChangeDisplay(text_of)
        return BarDisplay()
