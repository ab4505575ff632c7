"""What the options of several commands mean. Each raises BadParameter for what means nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime

import typer

from pdfgateway.cli.moments import moment
from pdfgateway.job import JobState

STATE_NAMES = tuple(state.value for state in JobState if state is not JobState.UNSPECIFIED)


def labels_option(pairs: Iterable[str] | None) -> dict[str, str]:
    """Return the labels of KEY=VALUE pairs."""
    pairs = list(pairs or [])
    if any("=" not in pair for pair in pairs):
        raise typer.BadParameter("must be KEY=VALUE", param_hint="--label")
    return dict(pair.split("=", 1) for pair in pairs)


def states_option(names: Iterable[str] | None) -> list[JobState]:
    """Return the states of these names, in whatever case."""
    wanted = [name.upper() for name in names or []]
    if not set(wanted) <= set(STATE_NAMES):
        raise typer.BadParameter(f"must be one of {', '.join(STATE_NAMES)}", param_hint="--state")
    return [JobState(name) for name in wanted]


def moment_option(text: str | None, option: str) -> datetime | None:
    """Return the moment that an option tells; None where it is not given."""
    if text is None:
        return None
    try:
        return moment(text, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
