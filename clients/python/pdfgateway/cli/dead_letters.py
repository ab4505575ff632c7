"""The commands on dead letters."""

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer

from pdfgateway.cli.batch import Change, Input
from pdfgateway.cli.exit_codes import ExitCode
from pdfgateway.cli.filters import moment_option
from pdfgateway.cli.job_text import count_text
from pdfgateway.cli.json_line import json_line, time_text
from pdfgateway.cli.listing import DEAD_LETTERS, LISTED_DEFAULT
from pdfgateway.cli.options import (
    EPILOG,
    AddressOption,
    BulkTimeoutOption,
    JSONOption,
    LimitOption,
    TimeoutOption,
    session_of,
)
from pdfgateway.cli.printable import one_line
from pdfgateway.client import PDFGatewayClient
from pdfgateway.dead_letter import DeadLetter

QUEUES = "failed_pdfs or invalid_pdfs"

app = typer.Typer(help="Look at the jobs that failed, and replay or purge them.", no_args_is_help=True)

QueueFilter = Annotated[str, typer.Option("--queue", metavar="QUEUE", help=f"Of {QUEUES} only.")]
QueueOption = Annotated[str, typer.Option("--queue", metavar="QUEUE", help=f"Which queue: {QUEUES}.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="REASON", help="With this reason only.")]
BeforeOption = Annotated[
    str | None,
    typer.Option("--before", metavar="TIME", help="That came before: a time, or how long ago, such as 30m, 2h or 7d."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("list", epilog=EPILOG)
def list_dead_letters(
    context: typer.Context,
    queue: QueueFilter = "",
    reason: ReasonOption = "",
    before: BeforeOption = None,
    limit: LimitOption = LISTED_DEFAULT,
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """List dead letters, newest first: as a table on a terminal, else a line for each."""
    time_before = moment_option(before, "--before")

    def items(client: PDFGatewayClient) -> Iterator[DeadLetter]:
        return client.dead_letters(queue=queue, reason=reason, before=time_before)

    session_of(context).overridden(address, timeout, json).list(DEAD_LETTERS, items, limit)


@app.command(epilog=EPILOG)
def replay(
    context: typer.Context,
    queue: QueueOption,
    reason: ReasonOption = "",
    before: BeforeOption = None,
    yes: YesOption = False,
    address: AddressOption = None,
    timeout: BulkTimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Start another run of each job whose dead letter matches, and write how many."""
    session = session_of(context).overridden(address, timeout, json)
    time_before = moment_option(before, "--before")
    _ask("Replay the jobs of", queue, reason, time_before, yes=yes)

    def work(client: PDFGatewayClient, queue: str, _change: Change) -> int:
        return client.replay_dead_letters(
            queue, reason=reason, before=time_before, timeout_seconds=session.bulk_seconds_max
        )

    session.run_with_text(
        [Input(one_line(queue), queue)],
        work,
        lambda count: f"{count_text(count, 'job')} replayed",
        lambda count: json_line({"replayed_count": count}),
    )


@app.command(epilog=EPILOG)
def purge(
    context: typer.Context,
    queue: QueueOption,
    reason: ReasonOption = "",
    before: BeforeOption = None,
    yes: YesOption = False,
    address: AddressOption = None,
    timeout: BulkTimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Remove the dead letters that match, and write how many. Their jobs stay as they are."""
    session = session_of(context).overridden(address, timeout, json)
    time_before = moment_option(before, "--before")
    _ask("Purge", queue, reason, time_before, yes=yes)

    def work(client: PDFGatewayClient, queue: str, _change: Change) -> int:
        return client.purge_dead_letters(
            queue, reason=reason, before=time_before, timeout_seconds=session.bulk_seconds_max
        )

    session.run_with_text(
        [Input(one_line(queue), queue)],
        work,
        lambda count: f"{count_text(count, 'dead letter')} purged",
        lambda count: json_line({"purged_count": count}),
    )


def question(deed: str, queue: str, reason: str, before: datetime | None) -> str:
    """Return the question that is asked before something is done to all dead letters that match."""
    with_reason = f" with reason {reason}" if reason else ""
    that_came = f" from before {time_text(before)}" if before is not None else ""
    return one_line(f"{deed} all dead letters in {queue}{with_reason}{that_came}?")


def _ask(deed: str, queue: str, reason: str, before: datetime | None, *, yes: bool) -> None:
    """Ask on the terminal whether to go on; exit where the answer is no, or where there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("is needed where there is no terminal to ask on", param_hint="--yes")
    try:
        if not typer.confirm(question(deed, queue, reason, before), err=True):
            typer.echo("pdfgateway: nothing was done", err=True)
            raise typer.Exit(ExitCode.REFUSED)
    except typer.Abort:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
