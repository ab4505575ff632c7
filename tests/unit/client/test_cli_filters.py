"""What the options of several commands mean."""

import pytest
import typer

from pdfgateway.cli.filters import labels_option, moment_option, states_option
from pdfgateway.job import JobState


def test_states_are_told_in_any_case() -> None:
    """No state is asked for by default, and their names need no capitals."""
    assert states_option(None) == []
    assert states_option(["failed", "Cancelled"]) == [JobState.FAILED, JobState.CANCELLED]


@pytest.mark.parametrize("name", ["gone", "UNSPECIFIED", ""])
def test_a_state_that_is_none_is_refused(name: str) -> None:
    """The message names all that there are."""
    with pytest.raises(typer.BadParameter, match="must be one of QUEUED, RUNNING"):
        states_option(["FAILED", name])


def test_a_labels_value_may_hold_anything() -> None:
    """Only the first equals sign divides; without one it is no label."""
    assert labels_option(None) == {}
    assert labels_option(["a=b", "c=d=e", "f="]) == {"a": "b", "c": "d=e", "f": ""}
    with pytest.raises(typer.BadParameter, match="must be KEY=VALUE"):
        labels_option(["a=b", "c"])


def test_a_moment_names_its_option() -> None:
    """Who gives two moments is told which is wrong."""
    assert moment_option(None, "--since") is None
    with pytest.raises(typer.BadParameter) as refused:
        moment_option("never", "--since")
    assert refused.value.param_hint == "--since"
