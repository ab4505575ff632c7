"""The state machine of a job: its states, which may follow which, and what Celery calls them."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands (AIP-216)."""

    QUEUED = "QUEUED"
    """Accepted, and waiting for a worker."""
    RUNNING = "RUNNING"
    """A worker holds its lease."""
    RETRYING = "RETRYING"
    """An attempt failed in a way that may pass; waiting for the next one."""
    SUCCEEDED = "SUCCEEDED"
    """Ended with a result."""
    FAILED = "FAILED"
    """Ended with an error."""
    CANCELLING = "CANCELLING"
    """A cancel was asked for, and the worker has yet to stop."""
    CANCELLED = "CANCELLED"
    """Ended by a cancel."""

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended in this state."""
        return not NEXT_STATES[self]


NEXT_STATES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset(
        {JobState.SUCCEEDED, JobState.FAILED, JobState.RETRYING, JobState.QUEUED, JobState.CANCELLING}
    ),
    JobState.RETRYING: frozenset({JobState.QUEUED, JobState.CANCELLED, JobState.FAILED}),
    JobState.CANCELLING: frozenset({JobState.CANCELLED, JobState.FAILED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}
"""Which states may follow a state. RUNNING goes back to QUEUED when its worker is lost or hands it back; QUEUED,
RETRYING and CANCELLING end as FAILED when the job's deadline passes. The transition script is given this very table.
"""

REPLAYABLE = frozenset({JobState.FAILED, JobState.CANCELLED})
"""The terminal states out of which a replay takes a job, to QUEUED and its next run: the one way out of any."""


class AttemptState(StrEnum):
    """Where an attempt at a job stands."""

    RUNNING = "RUNNING"
    """The worker works on it."""
    SUCCEEDED = "SUCCEEDED"
    """It gave the result."""
    FAILED = "FAILED"
    """It failed, or its worker was lost."""
    HANDED_BACK = "HANDED_BACK"
    """The worker had to stop, and gave the job back at no cost to it."""
    CANCELLED = "CANCELLED"
    """The job was cancelled."""


CELERY_STATES: dict[JobState, str] = {
    JobState.QUEUED: "QUEUED",
    JobState.RUNNING: "STARTED",
    JobState.RETRYING: "RETRY",
    JobState.SUCCEEDED: "SUCCESS",
    JobState.FAILED: "FAILURE",
    JobState.CANCELLING: "CANCELLING",
    JobState.CANCELLED: "REVOKED",
}
"""What `AsyncResult(id).state` says. A running job with progress to show says PROGRESS, by Celery's custom."""
