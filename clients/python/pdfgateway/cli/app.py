"""The commands on jobs, and the gateway's."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Annotated

import typer

from pdfgateway.channel import DEFAULT_ADDRESS
from pdfgateway.cli import dead_letters
from pdfgateway.cli.batch import Change, Input
from pdfgateway.cli.exit_codes import ExitCode, exit_code_of_job
from pdfgateway.cli.filters import STATE_NAMES, labels_option, moment_option, states_option
from pdfgateway.cli.job_text import job_history_text, source_name
from pdfgateway.cli.json_line import json_line
from pdfgateway.cli.listing import JOBS, LISTED_DEFAULT
from pdfgateway.cli.options import (
    EPILOG,
    AddressOption,
    JobIdsArgument,
    JSONOption,
    LimitOption,
    TimeoutOption,
    session_of,
)
from pdfgateway.cli.session import Session
from pdfgateway.cli.sources import pdf_source
from pdfgateway.client import PDFGatewayClient
from pdfgateway.job import Job
from pdfgateway.long_poll import WAIT_SECONDS_MAX

PAGE_SIZE_MAX = 200
"""The most jobs that the gateway gives at a time."""

app = typer.Typer(epilog=EPILOG, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(dead_letters.app, name="dead-letters")

WatchOption = Annotated[bool, typer.Option("--watch", help="Watch the jobs until they have ended.")]


def main() -> None:
    """Run the command line."""
    app()


def _show_version(wanted: bool) -> None:
    """Write the version and exit, if that is wanted."""
    if wanted:
        typer.echo(version("pdfgateway"))
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    address: Annotated[
        str,
        typer.Option(
            envvar="PDFGATEWAY_ADDRESS", metavar="HOST:PORT", help="Host and port of the gateway's gRPC side."
        ),
    ] = DEFAULT_ADDRESS,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Submit PDFs to a gateway, watch them page by page, and read what was found."""
    context.obj = Session(address, timeout, json)


@app.command(epilog=EPILOG)
def submit(
    context: typer.Context,
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="URLs, paths of files, or - for standard input.")
    ],
    watch: WatchOption = False,
    max_summary_paragraphs: Annotated[
        int | None, typer.Option(metavar="N", help="Paragraphs of the summary, 0 to 100; 3 if not given.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Your own word for the jobs; may be repeated."),
    ] = None,
    request_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The same id and source give the same job; for one source only."),
    ] = None,
    deadline: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long each job may take from now to its end.")
    ] = None,
    reuse_result: Annotated[
        bool, typer.Option("--reuse-result", help="Take the result of an earlier job with the same file and options.")
    ] = False,
    retention: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="How long each job is kept after its end; 7 days if not given."),
    ] = None,
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Submit PDFs, and write their jobs."""
    if request_id is not None and len(sources) > 1:
        raise typer.BadParameter("is for one source only", param_hint="--request-id")
    labels = labels_option(label)

    def work(client: PDFGatewayClient, source: str, change: Change) -> Job:
        job = client.submit(
            pdf_source(source),
            max_summary_paragraphs=max_summary_paragraphs,
            request_id=request_id,
            labels=labels,
            deadline_seconds=deadline,
            reuse_result=reuse_result,
            retention_seconds=retention,
        )
        change(job)
        return _follow(client, job.id, job.seq, change) if watch and not job.is_terminal else job

    inputs = [Input(source_name(source), source) for source in sources]
    session_of(context).overridden(address, timeout, json).run(inputs, work, exit_code_of_job, follow=watch)


@app.command(epilog=EPILOG)
def status(
    context: typer.Context,
    job_ids: JobIdsArgument,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, max=WAIT_SECONDS_MAX, help="Wait so long for the end.")
    ] = 0,
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Write jobs as they are now, or at their end if it comes while waiting."""

    def work(client: PDFGatewayClient, job_id: str, _change: Change) -> Job:
        return client.status(job_id, wait_seconds=wait)

    session = session_of(context).overridden(address, timeout, json)
    session.run(_job_inputs(job_ids), work, exit_code_of_job, follow=False, text_of=job_history_text)


@app.command(epilog=EPILOG)
def watch(
    context: typer.Context,
    job_ids: JobIdsArgument,
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Watch jobs until they have ended: with bars on a terminal, else with a line for each change."""

    def work(client: PDFGatewayClient, job_id: str, change: Change) -> Job:
        return _follow(client, job_id, 0, change)

    session = session_of(context).overridden(address, timeout, json)
    session.run(_job_inputs(job_ids), work, exit_code_of_job, follow=True)


@app.command(epilog=EPILOG)
def cancel(
    context: typer.Context,
    job_ids: JobIdsArgument,
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Cancel jobs that have not ended."""

    def work(client: PDFGatewayClient, job_id: str, _change: Change) -> Job:
        return client.cancel(job_id)

    session = session_of(context).overridden(address, timeout, json)
    session.run(_job_inputs(job_ids), work, lambda _: ExitCode.SUCCESS, follow=False)


@app.command("list", epilog=EPILOG)
def list_jobs(
    context: typer.Context,
    state: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help=f"In this state: {', '.join(STATE_NAMES)}; may be repeated."),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="With this label; may be repeated.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Accepted since: a time, or how long ago, such as 30m, 2h or 7d."),
    ] = None,
    before: Annotated[str | None, typer.Option(metavar="TIME", help="Accepted before: the same.")] = None,
    limit: LimitOption = LISTED_DEFAULT,
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """List jobs, newest first: as a table on a terminal, else a line for each."""
    states, labels = states_option(state), labels_option(label)
    created_from, created_before = moment_option(since, "--since"), moment_option(before, "--before")

    def items(client: PDFGatewayClient) -> Iterator[Job]:
        return client.jobs(
            states=states,
            labels=labels,
            created_from=created_from,
            created_before=created_before,
            page_size=min(limit + 1, PAGE_SIZE_MAX) if limit else PAGE_SIZE_MAX,
        )

    session_of(context).overridden(address, timeout, json).list(JOBS, items, limit)


@app.command(epilog=EPILOG)
def delete(
    context: typer.Context,
    job_ids: JobIdsArgument,
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Remove jobs that have ended, with their results."""

    def work(client: PDFGatewayClient, job_id: str, _change: Change) -> str:
        client.delete(job_id)
        return job_id

    session_of(context).overridden(address, timeout, json).run_with_text(
        _job_inputs(job_ids),
        work,
        lambda job_id: f"{job_id}  deleted",
        lambda job_id: json_line({"id": job_id, "deleted": True}),
    )


@app.command(epilog=EPILOG)
def replay(
    context: typer.Context,
    job_ids: JobIdsArgument,
    watch: WatchOption = False,
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Start another run of jobs that failed or were cancelled."""

    def work(client: PDFGatewayClient, job_id: str, change: Change) -> Job:
        job = client.replay(job_id)
        change(job)
        return _follow(client, job.id, job.seq, change) if watch and not job.is_terminal else job

    session = session_of(context).overridden(address, timeout, json)
    session.run(_job_inputs(job_ids), work, exit_code_of_job, follow=watch)


@app.command(epilog=EPILOG)
def serve() -> None:
    """Run a gateway on this machine, until it is interrupted. Its settings are environment variables."""
    try:
        from gateway.serve import main as serve_gateway  # noqa: PLC0415  (the client works without the server)
    except ModuleNotFoundError as error:
        typer.echo(
            f"pdfgateway: no module {error.name}; install the server: pip install 'pdfgateway[server]'",
            err=True,
        )
        raise typer.Exit(ExitCode.REFUSED) from None
    raise typer.Exit(serve_gateway())


def _job_inputs(job_ids: list[str]) -> list[Input]:
    """Return the inputs of a command on jobs."""
    return [Input(job_id, job_id) for job_id in job_ids]


def _follow(client: PDFGatewayClient, job_id: str, after_seq: int, change: Change) -> Job:
    """Report each change of a job that comes after a seq, and return the ended job."""
    jobs = client.watch(job_id, after_seq=after_seq)
    while not (job := next(jobs)).is_terminal:
        change(job)
    change(job)
    return job
