"""A dead letter as stored: a line of JSON in one of the two dead-letter queues. Pure."""

import json
from dataclasses import dataclass, field
from typing import Any

from workers.jobs.job import Attempt
from workers.record.document import parse_attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A job that failed, or a message on the queue that is none of ours."""

    queue: str
    time_us: int
    """When it came there, in microseconds since 1970 by the job store's clock."""
    reason: str
    message: str
    job_id: str = ""
    """Empty where it is no job's."""
    run: int = 0
    attempt: int = 0
    attempts: tuple[Attempt, ...] = ()
    raw: str = ""
    """The beginning of a message that is none of ours; empty for a job."""
    text: str = field(repr=False, default="")
    """The letter as stored: what it is found again by."""


def parse_dead_letter(queue: str, stored: bytes) -> DeadLetter:
    """The dead letter that a line holds; one that cannot be read is a letter too, of reason UNREADABLE."""
    text = stored.decode("utf-8", "backslashreplace")
    try:
        letter: dict[str, Any] = json.loads(text)
        reason, message, *_ = letter["error"]
        return DeadLetter(
            queue=queue,
            time_us=int(letter["time_us"]),
            reason=str(reason),
            message=str(message),
            job_id=letter.get("job_id", ""),
            run=letter.get("run", 0),
            attempt=letter.get("attempt", 0),
            attempts=parse_attempts(letter.get("attempts", [])),
            raw=letter.get("raw", ""),
            text=text,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message = "this dead letter was not written by the gateway"
        return DeadLetter(queue=queue, time_us=0, reason="UNREADABLE", message=message, raw=text[:1000], text=text)
