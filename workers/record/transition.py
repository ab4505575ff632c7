"""The transition script's calls and replies, typed. Pure: who talks to Redis runs `Transition.arguments` with EVALSHA.

The worker does so synchronously through Celery's result backend, the gateway through asyncio.
"""

import hashlib
import uuid
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol

from workers.jobs.failure import FailureReason, JobFailure, Phase
from workers.jobs.job import Progress
from workers.jobs.state import CELERY_STATES, NEXT_STATES, JobState
from workers.record.document import (
    REVOKED_FRAGMENT,
    date_done,
    error_fragment,
    exception_fragment,
    fragment,
    progress_fragment,
)

RECORD_KEY_PREFIX = "celery-task-meta-"
"""Celery's own prefix of its results' keys."""
QUEUED_KEY = "pdfgateway:queued"
"""Sorted set of the ids of queued jobs, by the time of their message."""
CONSUMERS_KEY = "pdfgateway:consumers"
"""Sorted set of the consumers, by the time of their last heartbeat, in microseconds."""
CONSUMER_SILENCE_SECONDS_MAX = 15
"""A consumer that has been silent for longer is not counted as alive."""
DEAD_LETTERS_MAX = 10_000
"""Entries kept in each dead-letter queue."""
SWEEP_BATCH_MAX = 100
"""Jobs of each kind that one sweep moves, so that no sweep blocks Redis for long."""
LOST_MESSAGE_SECONDS = 10
"""Time for which a message may be in nobody's hands, on its way from the queue to a worker."""

FAILED_QUEUE = "failed_pdfs"
"""Dead letters of jobs whose last attempt failed in a way that might have passed."""
INVALID_QUEUE = "invalid_pdfs"
"""Dead letters of jobs that no further attempt could save."""

LEASE_LAPSED = JobFailure(FailureReason.LEASE_LOST, "the worker died or fell silent during the attempt", Phase.EXTRACT)
DEADLINE_PASSED = JobFailure(FailureReason.DEADLINE_EXCEEDED, "the job's deadline passed before it ended", Phase.QUEUE)


def record_key(job_id: str) -> str:
    """The Redis key of a job's record, and the channel that tells of its changes."""
    return RECORD_KEY_PREFIX + job_id


def dead_letter_queue(failure: JobFailure) -> str:
    """Where a job goes that ends with this failure."""
    return FAILED_QUEUE if failure.retryable else INVALID_QUEUE


def _lua_table(entries: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name} = {value}" for name, value in entries.items()) + "}"


def _script() -> str:
    next_states = {
        state.value: _lua_table({follower.value: "true" for follower in sorted(followers)})
        for state, followers in NEXT_STATES.items()
    }
    celery_states = {state.value: f"'{name}'" for state, name in CELERY_STATES.items()}
    body = files("workers.record").joinpath("transition.lua").read_text(encoding="utf-8")
    return f"local NEXT_STATES = {_lua_table(next_states)}\nlocal CELERY_STATES = {_lua_table(celery_states)}\n{body}"


SCRIPT = _script()
"""The script's text, with the state machine in it."""
SCRIPT_SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""The name that Redis gives the script."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A Celery message with places for the job's id and the delivery tag; made by Celery and kombu themselves."""

    text: str
    id_place: str
    tag_place: str
    queue: str

    def arguments(self) -> dict[str, str]:
        """The script's arguments that let it put messages on the queue."""
        return {
            "message": self.text,
            "id_place": self.id_place,
            "tag_place": self.tag_place,
            "queue": self.queue,
        }


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job, until it lapses. Every write of the worker carries the fence."""

    job_id: str
    fence: str
    attempt: int
    max_attempts: int
    source: str
    """The source as submitted, in JSON: it may hold secrets, so it is never logged."""
    request: str
    """The request as the record shows it, in JSON."""


class RunScript(Protocol):
    """Runs the transition script and returns its reply."""

    def __call__(self, arguments: list[str | bytes]) -> list[bytes]: ...  # noqa: D102  (said above)


def _micros(seconds: float) -> str:
    return str(int(seconds * 1_000_000))


def _call(operation: str, job_id: str = "", **arguments: str | None) -> list[str | bytes]:
    call: list[str | bytes] = [operation, job_id]
    for name, value in arguments.items():
        if value is not None:
            call += [name, value]
    return call


def submit_call(
    job_id: str,
    *,
    envelope: Envelope,
    request: str,
    source: str,
    max_attempts: int,
    retention_seconds: float,
    deadline_seconds: float | None = None,
    request_id: str = "",
    request_digest: str = "",
) -> list[str | bytes]:
    """Record, idempotency key and message at once. Replies OK with the record, maybe an earlier job's; or REUSED."""
    return _call(
        "submit",
        job_id,
        **envelope.arguments(),
        request=request,
        source=source,
        max_attempts=str(max_attempts),
        retention_us=_micros(retention_seconds),
        deadline_us=None if deadline_seconds is None else _micros(deadline_seconds),
        request_key=f"pdfgateway:request:{request_id}" if request_id else None,
        request_digest=request_digest if request_id else None,
        date_done=date_done(),
    )


def cancel_call(job_id: str) -> list[str | bytes]:
    """Ends a job, or asks its worker to. Replies OK with the record, NOT_FOUND, or REFUSED with the terminal state."""
    return _call("cancel", job_id, revoked=REVOKED_FRAGMENT, date_done=date_done())


def take_call(job_id: str, *, worker: str, lease_seconds: float) -> list[str | bytes]:
    """Takes a queued job. Replies OK with what a `Lease` holds; NOT_FOUND, or REFUSED with the state.

    To run the same call again is harmless, and gives the same lease.
    """
    return _call(
        "take",
        job_id,
        take_token=uuid.uuid4().hex,
        worker=worker,
        lease_us=_micros(lease_seconds),
        progress=progress_fragment(Progress(phase=Phase.FETCH)),
        date_done=date_done(),
    )


def progress_call(lease: Lease, progress: Progress, *, lease_seconds: float) -> list[str | bytes]:
    """Reports progress. Replies OK with the state, or FENCED."""
    return _call(
        "progress",
        lease.job_id,
        fence=lease.fence,
        lease_us=_micros(lease_seconds),
        progress=progress_fragment(progress),
        date_done=date_done(),
    )


def succeed_call(job_id: str, fence: str, *, result: str, progress: Progress | None = None) -> list[str | bytes]:
    """Ends a job with its result, as Celery's JSON. Replies OK with the state, or FENCED."""
    return _call(
        "finish",
        job_id,
        fence=fence,
        state=JobState.SUCCEEDED.value,
        result=result,
        progress=progress_fragment(progress) if progress else None,
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def fail_call(job_id: str, fence: str, failure: JobFailure) -> list[str | bytes]:
    """Ends a job with its failure, and puts it among the dead letters. Replies OK with the state, or FENCED."""
    return _call(
        "finish",
        job_id,
        fence=fence,
        state=JobState.FAILED.value,
        result=exception_fragment(failure),
        error=error_fragment(failure),
        dead_letters=dead_letter_queue(failure),
        dead_letters_max=str(DEAD_LETTERS_MAX),
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def cancelled_call(lease: Lease) -> list[str | bytes]:
    """Says that the work on a CANCELLING job has stopped. Replies OK with the state, or FENCED."""
    return _call(
        "finish",
        lease.job_id,
        fence=lease.fence,
        state=JobState.CANCELLED.value,
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def retry_call(lease: Lease, failure: JobFailure, *, delay_seconds: float) -> list[str | bytes]:
    """Ends an attempt; the next one is due after the delay. Replies OK with the state, or FENCED."""
    return _call(
        "retry",
        lease.job_id,
        fence=lease.fence,
        error=error_fragment(failure),
        result=exception_fragment(failure),
        delay_us=_micros(delay_seconds),
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def hand_back_call(lease: Lease, envelope: Envelope) -> list[str | bytes]:
    """Returns a job unfinished, at no cost to it. Replies OK with the state, or FENCED."""
    return _call(
        "hand_back",
        lease.job_id,
        fence=lease.fence,
        **envelope.arguments(),
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def beat_call(worker: str, leases: list[Lease], *, lease_seconds: float) -> list[str | bytes]:
    """A consumer's heartbeat. Replies OK, then for each lease RUNNING, CANCELLING or LOST."""
    return _call(
        "beat",
        worker=worker,
        leases=" ".join(f"{lease.job_id} {lease.fence}" for lease in leases),
        lease_us=_micros(lease_seconds),
    )


def sweep_call(envelope: Envelope, *, with_leases: bool) -> list[str | bytes]:
    """What time brings about. Replies OK with the numbers of jobs retried, lapsed, overdue, lost and expired."""
    return _call(
        "sweep",
        **envelope.arguments(),
        leases="1" if with_leases else "0",
        batch_max=str(SWEEP_BATCH_MAX),
        lost_us=_micros(LOST_MESSAGE_SECONDS),
        consumer_us=_micros(4 * CONSUMER_SILENCE_SECONDS_MAX),
        lapsed_error=error_fragment(LEASE_LAPSED),
        lapsed_exception=exception_fragment(LEASE_LAPSED),
        overdue_error=error_fragment(DEADLINE_PASSED),
        overdue_exception=exception_fragment(DEADLINE_PASSED),
        lapsed_dead_letters=dead_letter_queue(LEASE_LAPSED),
        overdue_dead_letters=dead_letter_queue(DEADLINE_PASSED),
        dead_letters_max=str(DEAD_LETTERS_MAX),
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def parse_lease(job_id: str, reply: list[bytes]) -> Lease | None:
    """The lease that `take_call` gave, or None where it was refused."""
    if reply[0] != b"OK":
        return None
    _, fence, attempt, max_attempts, source, request = reply
    return Lease(
        job_id=job_id,
        fence=fence.decode(),
        attempt=int(attempt),
        max_attempts=int(max_attempts),
        source=source.decode(),
        request=request.decode(),
    )


def source_fragment(*, url: str | None = None, blob: str | None = None) -> str:
    """Where the worker finds the bytes: the whole URL, or the name of a blob."""
    return fragment({"url": url} if url is not None else {"blob": blob})
