"""Moments as people say them: a time, or how long ago it was."""

import re
from datetime import datetime, timedelta

_AGO = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw])")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def moment(text: str, now: datetime) -> datetime:
    """Return the moment that is meant by a time of ISO 8601, or by how long ago it was, such as 30m, 2h or 7d.

    A time without a zone is of this machine's zone. Raises ValueError for anything else.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now - float(ago[1]) * _UNITS[ago[2]]
        time = datetime.fromisoformat(text)
        return time if time.tzinfo is not None else time.astimezone()
    except (ValueError, OverflowError) as error:
        raise ValueError("must be a time such as 2026-11-24T13:00Z, or how long ago, such as 30m, 2h or 7d") from error


def age_text(time: datetime, now: datetime) -> str:
    """Return how long ago a time was, in the largest unit that gives a whole number, such as 59s or 7d."""
    age = max(now - time, timedelta(0))
    unit = next((name for name in ("d", "h", "m") if age >= _UNITS[name]), "s")
    return f"{age // _UNITS[unit]}{unit}"
