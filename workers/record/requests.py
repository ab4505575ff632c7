"""What clients ask of the records, as calls of the transition script, typed. Pure, like workers.record.transition."""

from dataclasses import dataclass

from workers.jobs.state import JobState
from workers.record.document import REVOKED_FRAGMENT, date_done, fragment
from workers.record.script import Envelope, call, micros

JOBS_KEY = "pdfgateway:jobs"
"""Sorted set of the ids of all jobs, by the time of their acceptance in microseconds."""

BLOBS_REMOVING_KEY = "pdfgateway:blobs_removing"
"""Sorted set of the uploads that are being removed, by when that was begun."""


def jobs_key(state: JobState) -> str:
    """The sorted set of the ids of the jobs in a state, by the time of their acceptance in microseconds."""
    return f"{JOBS_KEY}:{state.value}"


def expired_key(job_id: str) -> str:
    """The key that is there for a while after a job was removed because it had expired."""
    return f"pdfgateway:expired:{job_id}"


def result_key(content_sha256: str, options_digest: str) -> str:
    """The key that names the newest job with a result for this content and these options."""
    return f"pdfgateway:result:{content_sha256}:{options_digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReusedResult:
    """A result that a new job is given at once, as Celery's JSON, and the job that it was made for."""

    job_id: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """What bounds a new job."""

    max_attempts: int
    queued_max: int
    """Jobs in the queue with which no further one is taken."""
    retention_seconds: float
    deadline_seconds: float | None = None


def submit_call(
    job_id: str,
    *,
    envelope: Envelope,
    request: str,
    source: str,
    limits: JobLimits,
    request_id: str = "",
    request_digest: str = "",
    blob: str | None = None,
    result_key: str | None = None,
    reused: ReusedResult | None = None,
) -> list[str | bytes]:
    """Record, idempotency key and message at once.

    Replies OK with the record, maybe an earlier job's; REUSED with the job of the key; or FULL.
    """
    deadline_seconds = limits.deadline_seconds
    return call(
        "submit",
        job_id,
        **envelope.arguments(),
        request=request,
        source=source,
        max_attempts=str(limits.max_attempts),
        queued_max=str(limits.queued_max),
        retention_us=micros(limits.retention_seconds),
        deadline_us=None if deadline_seconds is None else micros(deadline_seconds),
        request_key=f"pdfgateway:request:{request_id}" if request_id else None,
        request_digest=request_digest if request_id else None,
        blob=blob,
        result_key=result_key,
        reused_job_id=reused.job_id if reused else None,
        result=reused.result if reused else None,
        date_done=date_done(),
    )


def cancel_call(job_id: str) -> list[str | bytes]:
    """Ends a job, or asks its worker to. Replies OK with the record, or a refusal."""
    return call("cancel", job_id, revoked=REVOKED_FRAGMENT, date_done=date_done())


def replay_call(job_id: str, envelope: Envelope) -> list[str | bytes]:
    """Starts a job's next run, if it has ended without a result. Replies OK with the record, or a refusal."""
    return call("replay", job_id, **envelope.arguments(), date_done=date_done())


def delete_call(job_id: str) -> list[str | bytes]:
    """Removes a job that has ended. Replies OK with the record that was, or a refusal."""
    return call("delete", job_id)


def purge_call(queue: str, text: str, job_id: str) -> list[str | bytes]:
    """Removes a dead letter by its text, and leaves its job. Replies OK with the number of letters removed."""
    return call("purge", job_id, dead_letters=queue, text=text)


def expect_blob_call(blob: str) -> list[str | bytes]:
    """Says that bytes are about to be kept under a name. Replies OK, or REFUSED while the same are being removed."""
    return call("expect_blob", blob=blob)


def source_fragment(*, url: str | None = None, blob: str | None = None) -> str:
    """Where the worker finds the bytes: the whole URL, or the name of a blob."""
    return fragment({"url": url} if url is not None else {"blob": blob})
