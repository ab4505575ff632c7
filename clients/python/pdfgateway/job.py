"""A job as the gateway reports it: frozen records with the contract's words, enums and times in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands.

    A state may go back from RUNNING to QUEUED or RETRYING when a worker is lost, and a job that is replayed
    goes from FAILED or CANCELLED to QUEUED.
    """

    UNSPECIFIED = "UNSPECIFIED"
    """A state that this version of the client does not know."""
    QUEUED = "QUEUED"
    """Accepted, and waiting for a worker."""
    RUNNING = "RUNNING"
    """A worker holds it and works on it."""
    RETRYING = "RETRYING"
    """An attempt failed in a way that may pass; the next one begins at `Job.next_attempt_time`."""
    SUCCEEDED = "SUCCEEDED"
    """Terminal: `Job.result` is set."""
    FAILED = "FAILED"
    """Terminal: `Job.error` is set."""
    CANCELLING = "CANCELLING"
    """A cancel was asked for, and the worker has yet to stop."""
    CANCELLED = "CANCELLED"
    """Terminal: ended by a cancel."""

    @property
    def is_terminal(self) -> bool:
        """Whether a job in this state has ended."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class AttemptState(StrEnum):
    """Where an attempt stands."""

    UNSPECIFIED = "UNSPECIFIED"
    """A state that this version of the client does not know."""
    RUNNING = "RUNNING"
    """The worker works on it."""
    SUCCEEDED = "SUCCEEDED"
    """It gave the result."""
    FAILED = "FAILED"
    """It failed, or its worker was lost; `Attempt.error` says why."""
    HANDED_BACK = "HANDED_BACK"
    """The worker had to stop, and gave the job back at no cost to it."""
    CANCELLED = "CANCELLED"
    """The job was cancelled."""


class Phase(StrEnum):
    """A part of the work on a job."""

    UNSPECIFIED = "UNSPECIFIED"
    """A phase that this version of the client does not know."""
    QUEUE = "QUEUE"
    """Waiting for a worker."""
    FETCH = "FETCH"
    """Bringing the PDF's bytes to the worker."""
    EXTRACT = "EXTRACT"
    """Reading the text, page by page."""
    SUMMARIZE = "SUMMARIZE"
    """Choosing the summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Bytes that came with a request."""

    filename: str
    """The name that the client gave them; may be empty."""
    size_bytes: int
    """How many they are."""
    sha256: str
    """Their SHA-256, in 64 lower-case hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What was submitted: either a URL or an upload."""

    url: str | None = None
    """The URL as it may be shown: without user information, query and fragment."""
    upload: Upload | None = None
    """The bytes that came with the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingOptions:
    """How a PDF is to be processed."""

    max_summary_paragraphs: int
    """How many paragraphs the summary has at most; 0 for no summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt has come."""

    phase: Phase
    """What the worker is doing."""
    pages_done: int
    """Pages read so far."""
    page_count: int | None
    """Pages in all; None until the PDF is opened."""
    bytes_fetched: int
    """Bytes of the PDF that have arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job, or an attempt of it, failed."""

    reason: str
    """A stable name in UPPER_SNAKE_CASE, such as ENCRYPTED or SOURCE_NOT_FOUND."""
    message: str
    """The same for people, with what to do about it."""
    retryable: bool
    """Whether another attempt may end differently without anybody changing anything."""
    phase: Phase
    """What the worker was doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One worker's work on a job, from its taking to its end."""

    run: int
    """Which run of the job it belongs to, from 1."""
    attempt: int
    """Which attempt of the run it is, from 1; one that was handed back does not count, so its number comes again."""
    state: AttemptState
    """Where it stands."""
    worker: str
    """The worker that made it, by its name in the gateway's logs."""
    start_time: datetime
    """When the worker took the job."""
    end_time: datetime | None
    """When the attempt ended; None before."""
    error: JobError | None
    """Why it failed; set while FAILED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PDFMetadata:
    """What a PDF says about itself; each field may be empty, and none is verified."""

    title: str
    """The document's title."""
    author: str
    """Who wrote it."""
    subject: str
    """What it is about."""
    keywords: str
    """Keywords, as the document has them."""
    creator: str
    """The program that the document was written with."""
    producer: str
    """The program that made the PDF."""
    creation_date: str
    """When it says that it was made, by ISO 8601."""
    modification_date: str
    """When it says that it was last changed, by ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultWarning:
    """Something that a reader of a result should know, although the job succeeded."""

    reason: str
    """A stable name in UPPER_SNAKE_CASE, such as NO_TEXT."""
    message: str
    """The same for people."""
    pages: tuple[int, ...]
    """The pages concerned, from 1; at most the first 100 of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PDFResult:
    """What was found in a PDF."""

    page_count: int
    """Pages of the PDF."""
    word_count: int
    """Words of its text: runs of characters between white space."""
    char_count: int
    """Unicode characters of its text."""
    summary: str
    """The summary, an empty line between its paragraphs; empty where there is no text or none was wanted."""
    processing_seconds: float
    """From the start of the successful attempt to its end."""
    metadata: PDFMetadata
    """What the PDF says about itself."""
    sha256: str
    """SHA-256 of the PDF's bytes, in 64 lower-case hexadecimal digits."""
    size_bytes: int
    """Size of the PDF."""
    engine: str
    """The engine that read it, with its version."""
    warnings: tuple[ResultWarning, ...]
    """What a reader of the result should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One PDF's way through the gateway, from its submission to its summary, or to the reason why not.

    A job ends in exactly one terminal state, out of which nothing but a replay takes it again. All times are
    in UTC, and of one clock, that of the gateway's job store.
    """

    id: str
    """The job's name, unique and unguessable."""
    state: JobState
    """Where it stands."""
    seq: int
    """Counts the changes of this job, from 1; a job with a higher seq is newer."""
    source: Source
    """What was submitted, without secrets."""
    options: ProcessingOptions
    """How it was asked to be processed, with the defaults filled in."""
    labels: Mapping[str, str] = field(hash=False)
    """The client's own words for it."""
    create_time: datetime
    """When it was accepted."""
    start_time: datetime | None
    """When its first attempt began; None before."""
    update_time: datetime
    """When it last changed: the time of `seq`."""
    end_time: datetime | None
    """When it reached its terminal state; None before."""
    expire_time: datetime
    """When it will be removed: its retention after its end. Before its end: when it will be ended with reason
    DEADLINE_EXCEEDED, to be kept for its retention then."""
    next_attempt_time: datetime | None
    """While RETRYING, when the next attempt is due."""
    deadline_time: datetime | None
    """When it will be ended with reason DEADLINE_EXCEEDED unless it ended before; None without a deadline, as
    a replay is."""
    run: int
    """Which run this is, from 1; each replay starts another one."""
    attempt: int
    """Which attempt of the run this is; 0 before the first one."""
    max_attempts: int
    """How many attempts the run has at most."""
    progress: Progress | None
    """How far the present or last attempt came; None before the first one."""
    queue_position: int | None
    """While QUEUED, about how many jobs are before it; it changes without a change of `seq`."""
    last_error: JobError | None
    """Why the latest failed attempt failed; while FAILED it equals `error`."""
    result: PDFResult | None
    """What was found in the PDF; set while SUCCEEDED."""
    error: JobError | None
    """Why the job failed; set while FAILED."""
    attempts: tuple[Attempt, ...]
    """The attempts so far, those of earlier runs included, oldest first; the latest 20."""
    reused_job_id: str | None
    """The job whose result this one was given at once, because that was asked for by reuse_result; else None."""

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended."""
        return self.state.is_terminal
