"""Moments as people say them."""

from datetime import UTC, datetime, timedelta

import pytest

from pdfgateway.cli.moments import age_text, moment

NOW = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("1.5h", NOW - timedelta(minutes=90)),
        ("7d", NOW - timedelta(days=7)),
        ("1w", NOW - timedelta(days=7)),
        ("2026-11-24T12:00:00Z", NOW - timedelta(hours=1)),
        ("2026-11-24T14:00+02:00", NOW - timedelta(hours=1)),
    ],
)
def test_a_moment_is_a_time_or_an_age(text: str, meant: datetime) -> None:
    """ISO 8601 is taken, and so is how long ago it was."""
    assert moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["2026-11-24", "2026-11-24T12:00"])
def test_a_moment_without_a_zone_is_of_this_machine(text: str) -> None:
    """Who names no zone means the clock on the wall."""
    assert moment(text, NOW) == datetime.fromisoformat(text).astimezone()


@pytest.mark.parametrize(
    "text", ["", "2", "h", "2 h", "-2h", "2y", "1e3s", "yesterday", "2026-13-01", "999999999w", "0001-01-01"]
)
def test_anything_else_is_no_moment(text: str) -> None:
    """What cannot be understood, or is before all time, is refused with examples."""
    with pytest.raises(ValueError, match="such as 30m, 2h or 7d"):
        moment(text, NOW)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86_399, "23h"), (864_000, "10d")],
)
def test_an_age_is_one_number(seconds: float, shown: str) -> None:
    """The largest unit that gives a whole number; a clock that is behind shows no negative age."""
    assert age_text(NOW - timedelta(seconds=seconds), NOW) == shown
