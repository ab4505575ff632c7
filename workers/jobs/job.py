"""The job as data: what was asked for, how far it is, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.jobs.failure import FAILURE_RULES, FailureReason, JobFailure, Phase
from workers.jobs.state import AttemptState, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlSource:
    """A PDF to be fetched."""

    display_url: str
    """The URL as it may be shown: without query and fragment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSource:
    """A PDF whose bytes came with the request."""

    filename: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingOptions:
    """How a PDF is to be processed."""

    max_summary_paragraphs: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt has come."""

    phase: Phase = Phase.QUEUE
    pages_done: int = 0
    page_count: int | None = None
    bytes_fetched: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job, or an attempt of it, failed."""

    reason: str
    message: str
    retryable: bool
    phase: Phase

    @classmethod
    def of(cls, failure: JobFailure) -> "JobError":
        """The error that a failure leaves on its job."""
        return cls(
            reason=failure.reason.value,
            message=failure.message,
            retryable=failure.retryable,
            phase=failure.phase,
        )

    @classmethod
    def from_stored(cls, reason: str, message: str, phase: str) -> "JobError":
        """The error as the record has it; a reason of a newer version is kept and not called retryable."""
        known = reason in FailureReason.__members__
        return cls(
            reason=reason,
            message=message,
            retryable=known and FAILURE_RULES[FailureReason(reason)].retryable,
            phase=Phase(phase) if phase in Phase.__members__ else Phase.EXTRACT,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One worker's work on a job. Times are microseconds since 1970 by the job store's clock; None is unset."""

    run: int
    attempt: int
    state: AttemptState
    worker: str
    start_time_us: int
    end_time_us: int | None = None
    error: JobError | None = None
    """Why it failed; set in FAILED only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWarning:
    """Something that a reader of a result should know, although the job succeeded."""

    reason: str
    message: str
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PDFResult:
    """What was found in a PDF."""

    page_count: int
    word_count: int
    char_count: int
    summary: str
    processing_seconds: float
    sha256: str
    size_bytes: int
    engine: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[ResultWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One PDF's way through the gateway. Times are microseconds since 1970 by the job store's clock; None is unset.

    `result` is set in SUCCEEDED only, and `error` in FAILED only.
    """

    id: str
    state: JobState
    seq: int
    source: UrlSource | UploadSource
    options: ProcessingOptions
    labels: Mapping[str, str]
    create_time_us: int
    update_time_us: int
    expire_time_us: int
    start_time_us: int | None = None
    end_time_us: int | None = None
    next_attempt_time_us: int | None = None
    deadline_time_us: int | None = None
    run: int = 1
    attempt: int = 0
    max_attempts: int = 1
    progress: Progress | None = None
    queue_position: int | None = None
    last_error: JobError | None = None
    result: PDFResult | None = None
    attempts: tuple[Attempt, ...] = ()
    """Oldest first, earlier runs' included; the latest 20."""
    reused_job_id: str = ""
    """The job whose result this one was given when it was submitted; else empty."""

    @property
    def error(self) -> JobError | None:
        """Why the job failed; None unless it did."""
        return self.last_error if self.state is JobState.FAILED else None
