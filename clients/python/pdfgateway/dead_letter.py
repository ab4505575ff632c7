"""What lies in a dead-letter queue, as the gateway reports it."""

from dataclasses import dataclass
from datetime import datetime

from pdfgateway.job import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A job that failed, or a message on the queue that is none of the gateway's."""

    queue: str
    """The queue it lies in: `failed_pdfs` or `invalid_pdfs`."""
    time: datetime
    """When it came there: the end of the job's run."""
    reason: str
    """A stable name in UPPER_SNAKE_CASE: the reason of the job's error, or what is wrong with the message."""
    message: str
    """The same for people."""
    job_id: str | None
    """The job; None where the letter is none."""
    run: int | None
    """Which run of the job failed; None where the letter is no job."""
    attempt: int | None
    """How many attempts that run had; None where the letter is no job."""
    attempts: tuple[Attempt, ...]
    """The job's attempts, as in `Job.attempts`."""
    raw: str | None
    """The beginning of a message that is none of the gateway's, at most 1,000 characters; None for a job."""
