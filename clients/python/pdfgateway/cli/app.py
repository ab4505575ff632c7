"""The commands and their options."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from pdfgateway.channel import DEFAULT_ADDRESS
from pdfgateway.cli.batch import Input
from pdfgateway.cli.exit_codes import MEANINGS, ExitCode, exit_code_of_job
from pdfgateway.cli.job_text import source_name
from pdfgateway.cli.session import DEFAULT_TIMEOUT_SECONDS, Session
from pdfgateway.cli.sources import pdf_source
from pdfgateway.client import PDFGatewayClient
from pdfgateway.job import Job
from pdfgateway.long_poll import WAIT_SECONDS_MAX

Change = Callable[[Job], None]

EPILOG = "Exit codes: " + "; ".join(f"{code:d} {meaning}" for code, meaning in MEANINGS.items()) + "."
"""What each command's help ends with."""

app = typer.Typer(epilog=EPILOG, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

AddressOption = Annotated[
    str | None,
    typer.Option("--address", metavar="HOST:PORT", help="Host and port of the gateway's gRPC side."),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Seconds that each answer of the gateway may take."),
]
JSONOption = Annotated[bool, typer.Option("--json", help="Write one JSON document per line, and nothing else.")]
JobIdsArgument = Annotated[list[str], typer.Argument(metavar="JOB_ID", help="The jobs' ids.")]


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
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.1, help="Seconds that each answer of the gateway may take."),
    ] = DEFAULT_TIMEOUT_SECONDS,
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
    watch: Annotated[bool, typer.Option("--watch", help="Watch the jobs until they have ended.")] = False,
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
    address: AddressOption = None,
    timeout: TimeoutOption = None,
    json: JSONOption = False,
) -> None:
    """Submit PDFs, and write their jobs."""
    if request_id is not None and len(sources) > 1:
        raise typer.BadParameter("is for one source only", param_hint="--request-id")
    labels = _labels(label or [])

    def work(client: PDFGatewayClient, source: str, change: Change) -> Job:
        job = client.submit(
            pdf_source(source),
            max_summary_paragraphs=max_summary_paragraphs,
            request_id=request_id,
            labels=labels,
            deadline_seconds=deadline,
        )
        change(job)
        return _follow(client, job.id, job.seq, change) if watch and not job.is_terminal else job

    inputs = [Input(source_name(source), source) for source in sources]
    _session(context).overridden(address, timeout, json).run(inputs, work, exit_code_of_job, follow=watch)


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

    session = _session(context).overridden(address, timeout, json)
    session.run(_job_inputs(job_ids), work, exit_code_of_job, follow=False)


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

    session = _session(context).overridden(address, timeout, json)
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

    session = _session(context).overridden(address, timeout, json)
    session.run(_job_inputs(job_ids), work, lambda _: ExitCode.SUCCESS, follow=False)


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


def _session(context: typer.Context) -> Session:
    """Return the options that were given before the command."""
    session: Session = context.obj
    return session


def _job_inputs(job_ids: list[str]) -> list[Input]:
    """Return the inputs of a command on jobs."""
    return [Input(job_id, job_id) for job_id in job_ids]


def _labels(pairs: list[str]) -> dict[str, str]:
    """Return the labels of KEY=VALUE pairs. Raises BadParameter for anything else."""
    if any("=" not in pair for pair in pairs):
        raise typer.BadParameter("must be KEY=VALUE", param_hint="--label")
    return dict(pair.split("=", 1) for pair in pairs)


def _follow(client: PDFGatewayClient, job_id: str, after_seq: int, change: Change) -> Job:
    """Report each change of a job that comes after a seq, and return the ended job."""
    jobs = client.watch(job_id, after_seq=after_seq)
    while not (job := next(jobs)).is_terminal:
        change(job)
    change(job)
    return job
