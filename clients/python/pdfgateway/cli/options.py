"""Options and arguments that several commands have, and what the commands' help ends with."""

from typing import Annotated

import typer

from pdfgateway.cli.exit_codes import MEANINGS
from pdfgateway.cli.listing import LISTED_DEFAULT
from pdfgateway.cli.session import Session

EPILOG = "Exit codes: " + "; ".join(f"{code:d} {meaning}" for code, meaning in MEANINGS.items()) + "."
"""What each command's help ends with."""

AddressOption = Annotated[
    str | None,
    typer.Option("--address", metavar="HOST:PORT", help="Host and port of the gateway's gRPC side."),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Seconds that each answer may take; 10 if not given."),
]
BulkTimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Seconds that the answer may take; 60 if not given."),
]
JSONOption = Annotated[bool, typer.Option("--json", help="Write one JSON document per line, and nothing else.")]
JobIdsArgument = Annotated[list[str], typer.Argument(metavar="JOB_ID", help="The jobs' ids.")]
LimitOption = Annotated[
    int,
    typer.Option("--limit", metavar="N", min=0, help=f"How many are listed; {LISTED_DEFAULT} if not given, 0: all."),
]


def session_of(context: typer.Context) -> Session:
    """Return the options that were given before the command."""
    session: Session = context.obj
    return session
