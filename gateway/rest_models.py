"""The JSON of the HTTP side: the contract's messages in snake_case, times and durations as protobuf's JSON has them."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from workers.jobs.state import AttemptState, JobState

_DURATION = re.compile(r"(-?\d{1,12}(?:\.\d{1,9})?)s")


def duration_seconds(text: str) -> float:
    """The seconds of a duration such as "30s" or "1.5s".

    Raises:
        ValueError: it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError('must be a number of seconds such as "30s" or "1.5s"')
    return float(match[1])


def _checked_duration(text: str) -> str:
    duration_seconds(text)
    return text


DurationText = Annotated[str, AfterValidator(_checked_duration), Field(examples=["30s"])]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Response(BaseModel):
    model_config = ConfigDict(frozen=True)


class OptionsModel(_Request):
    """How a PDF is to be processed."""

    max_summary_paragraphs: int | None = Field(
        default=None, description="Paragraphs of the summary: 0 to 100, 3 if unset; 0 asks for none."
    )


class SubmitModel(_Request):
    """What to process, and how. With a file part beside it, `url` is left out."""

    url: str | None = Field(
        default=None,
        description="An http or https URL, at most 2,048 characters, without user information.",
        examples=["https://example.com/paper.pdf"],
    )
    options: OptionsModel = Field(default_factory=OptionsModel)
    request_id: str = Field(default="", description="Idempotency key; the header Idempotency-Key is the same.")
    labels: dict[str, str] = Field(default_factory=dict, description="Your own words for the job.")
    deadline: DurationText | None = Field(default=None, description="How long the job may take from now on.")
    filename: str = Field(default="", description="A name for the file, shown on the job.")
    retention: DurationText | None = Field(
        default=None, description="How long the job is kept after its end: from 60s to 2592000s; 7 days if unset."
    )
    reuse_result: bool = Field(
        default=False,
        description="For a file: take the result of an earlier job with the same bytes and options, if one is kept.",
    )


class ProgressModel(_Response):
    """How far an attempt has come."""

    phase: str
    pages_done: int
    page_count: int | None
    bytes_fetched: int


class WarningModel(_Response):
    """Something that a reader of the result should know, although the job succeeded."""

    reason: str
    message: str
    pages: list[int]


class MetadataModel(_Response):
    """What a PDF says about itself; each field may be empty, and none is verified."""

    title: str = ""
    author: str = ""
    subject: str = ""
    keywords: str = ""
    creator: str = ""
    producer: str = ""
    creation_date: str = ""
    modification_date: str = ""


class ResultModel(_Response):
    """What was found in the PDF."""

    page_count: int
    word_count: int
    char_count: int
    summary: str
    processing_time: str
    metadata: MetadataModel
    sha256: str
    size_bytes: int
    engine: str
    warnings: list[WarningModel]


class ErrorModel(_Response):
    """Why a job, or an attempt of it, failed."""

    reason: str
    message: str
    retryable: bool
    phase: str


class AttemptModel(_Response):
    """One worker's work on a job."""

    run: int
    attempt: int
    state: AttemptState
    worker: str
    start_time: datetime
    end_time: datetime | None = None
    error: ErrorModel | None = None


class UploadModel(_Response):
    """Bytes that came with the request."""

    filename: str
    size_bytes: int
    sha256: str


class SourceModel(_Response):
    """What was submitted: one of both."""

    url: str | None = None
    upload: UploadModel | None = None


class JobModel(_Response):
    """One PDF's way through the gateway. Fields that are not set yet are left out."""

    id: str
    state: JobState
    seq: int
    source: SourceModel
    options: OptionsModel
    labels: dict[str, str]
    create_time: datetime
    start_time: datetime | None = None
    update_time: datetime
    end_time: datetime | None = None
    expire_time: datetime
    next_attempt_time: datetime | None = None
    deadline_time: datetime | None = None
    run: int
    attempt: int
    max_attempts: int
    progress: ProgressModel | None = None
    queue_position: int | None = None
    last_error: ErrorModel | None = None
    result: ResultModel | None = None
    error: ErrorModel | None = None
    attempts: list[AttemptModel]
    reused_job_id: str | None = Field(default=None, description="The job whose result this one was given at once.")


class JobListModel(_Response):
    """A page of jobs, newest first."""

    jobs: list[JobModel]
    next_page_token: str | None = Field(default=None, description="For the next page; not set where there is none.")


class DeadLetterModel(_Response):
    """A job that failed, or a message on the queue that is none of the gateway's."""

    queue: str
    time: datetime
    reason: str
    message: str
    job_id: str | None = None
    run: int | None = None
    attempt: int | None = None
    attempts: list[AttemptModel]
    raw: str | None = Field(default=None, description="The beginning of a message that is none of the gateway's.")


class DeadLetterListModel(_Response):
    """A page of dead letters, newest first in each queue."""

    dead_letters: list[DeadLetterModel]
    next_page_token: str | None = Field(default=None, description="For the next page; not set where there is none.")


class DeadLetterFilterModel(_Request):
    """Which dead letters are meant."""

    queue: str = Field(description="failed_pdfs or invalid_pdfs.", examples=["failed_pdfs"])
    reason: str = Field(default="", description="Letters with this reason.")
    time_before: AwareDatetime | None = Field(default=None, description="Letters that came before.")


class ReplayedModel(_Response):
    """What was replayed."""

    replayed_count: int


class PurgedModel(_Response):
    """What was purged."""

    purged_count: int


class ViolationModel(_Response):
    """One wrong field."""

    field: str
    description: str


class ProblemModel(_Response):
    """A refusal, by RFC 9457 (application/problem+json)."""

    type: str = Field(examples=["urn:pdfgateway:error:JOB_NOT_FOUND"])
    title: str
    status: int
    detail: str
    reason: str = Field(description="Stable; the same as ErrorInfo.reason over gRPC.", examples=["JOB_NOT_FOUND"])
    violations: list[ViolationModel] = Field(default_factory=list)


class HealthModel(_Response):
    """Whether a submission would be accepted, and what that depends on."""

    status: Literal["ready", "not ready"]
    reason: str | None = Field(default=None, description="Why a submission would be refused.", examples=["QUEUE_FULL"])
    store: bool = Field(description="The job store answers.")
    consumers: int = Field(description="Consumers that have shown life lately.")
