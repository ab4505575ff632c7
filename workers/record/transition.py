"""The workers' and the sweeper's calls of the transition script, and its replies, typed. Pure: others talk to Redis."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from workers.jobs.failure import FailureReason, JobFailure, Phase
from workers.jobs.job import Attempt, Progress
from workers.jobs.state import JobState
from workers.record.document import (
    REVOKED_FRAGMENT,
    date_done,
    error_fragment,
    exception_fragment,
    parse_attempts,
    progress_fragment,
)
from workers.record.script import Envelope, call, micros

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
TOMBSTONE_SECONDS = 7 * 86_400
"""How long it is known of a job that it has expired."""
BLOB_UNUSED_SECONDS = 600
"""How long an upload is kept that no job uses: one that has just been kept for a job to come is used soon."""
BLOB_REMOVAL_SECONDS = 60
"""After so long a removal that was begun is begun again: whoever began it has died."""

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
    attempts: tuple[Attempt, ...] = ()
    """The attempts so far, this one included."""


def take_call(job_id: str, *, worker: str, lease_seconds: float) -> list[str | bytes]:
    """Takes a queued job. Replies OK with what a `Lease` holds; NOT_FOUND, or REFUSED with the state.

    To run the same call again is harmless, and gives the same lease.
    """
    return call(
        "take",
        job_id,
        take_token=uuid.uuid4().hex,
        worker=worker,
        lease_us=micros(lease_seconds),
        progress=progress_fragment(Progress(phase=Phase.FETCH)),
        date_done=date_done(),
    )


def progress_call(lease: Lease, progress: Progress, *, lease_seconds: float) -> list[str | bytes]:
    """Reports progress. Replies OK with the state, or FENCED."""
    return call(
        "progress",
        lease.job_id,
        fence=lease.fence,
        lease_us=micros(lease_seconds),
        progress=progress_fragment(progress),
        date_done=date_done(),
    )


def succeed_call(job_id: str, fence: str, *, result: str, progress: Progress | None = None) -> list[str | bytes]:
    """Ends a job with its result, as Celery's JSON. Replies OK with the state, or FENCED."""
    return call(
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
    return call(
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
    return call(
        "finish",
        lease.job_id,
        fence=lease.fence,
        state=JobState.CANCELLED.value,
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def retry_call(lease: Lease, failure: JobFailure, *, delay_seconds: float) -> list[str | bytes]:
    """Ends an attempt; the next one is due after the delay. Replies OK with the state, or FENCED."""
    return call(
        "retry",
        lease.job_id,
        fence=lease.fence,
        error=error_fragment(failure),
        result=exception_fragment(failure),
        delay_us=micros(delay_seconds),
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def hand_back_call(lease: Lease, envelope: Envelope) -> list[str | bytes]:
    """Returns a job unfinished, at no cost to it. Replies OK with the state, or FENCED."""
    return call(
        "hand_back",
        lease.job_id,
        fence=lease.fence,
        **envelope.arguments(),
        revoked=REVOKED_FRAGMENT,
        date_done=date_done(),
    )


def beat_call(worker: str, leases: list[Lease], *, lease_seconds: float) -> list[str | bytes]:
    """A consumer's heartbeat. Replies OK, then for each lease RUNNING, CANCELLING or LOST."""
    return call(
        "beat",
        worker=worker,
        leases=" ".join(f"{lease.job_id} {lease.fence}" for lease in leases),
        lease_us=micros(lease_seconds),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep has done: jobs of each kind, and uploads that are now to be removed."""

    retried: int
    lapsed: int
    overdue: int
    lost: int
    expired: int
    blobs: Sequence[str] = ()


def sweep_call(
    envelope: Envelope, *, with_leases: bool, blob_unused_seconds: float = BLOB_UNUSED_SECONDS
) -> list[str | bytes]:
    """What time brings about. Replies what `parse_swept` reads."""
    return call(
        "sweep",
        **envelope.arguments(),
        leases="1" if with_leases else "0",
        batch_max=str(SWEEP_BATCH_MAX),
        lost_us=micros(LOST_MESSAGE_SECONDS),
        consumer_us=micros(4 * CONSUMER_SILENCE_SECONDS_MAX),
        tombstone_ms=str(TOMBSTONE_SECONDS * 1000),
        unused_us=micros(blob_unused_seconds),
        removal_us=micros(BLOB_REMOVAL_SECONDS),
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
    _, fence, attempt, max_attempts, source, request, attempts = reply
    return Lease(
        job_id=job_id,
        fence=fence.decode(),
        attempt=int(attempt),
        max_attempts=int(max_attempts),
        source=source.decode(),
        request=request.decode(),
        attempts=parse_attempts(json.loads(attempts)),
    )


def parse_swept(reply: Sequence[bytes | int]) -> Swept:
    """What a sweep has done."""
    _, retried, lapsed, overdue, lost, expired, *blobs = reply
    return Swept(
        retried=int(retried),
        lapsed=int(lapsed),
        overdue=int(overdue),
        lost=int(lost),
        expired=int(expired),
        blobs=tuple(blob.decode() for blob in blobs if isinstance(blob, bytes)),
    )
