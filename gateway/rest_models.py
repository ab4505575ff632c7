"""The JSON of the HTTP side: the contract's messages in snake_case, times and durations as protobuf's JSON has them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from workers.jobs import job as domain
from workers.jobs.job import Job, UrlSource
from workers.jobs.state import JobState

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
    """What the gateway depends on."""

    status: Literal["ready", "not ready"]
    store: bool = Field(description="The job store answers.")
    consumers: int = Field(description="Consumers that have shown life lately.")


def job_model(job: Job) -> JobModel:
    """The job as JSON has it."""
    source = job.source
    return JobModel(
        id=job.id,
        state=job.state,
        seq=job.seq,
        source=SourceModel(url=source.display_url)
        if isinstance(source, UrlSource)
        else SourceModel(
            upload=UploadModel(filename=source.filename, size_bytes=source.size_bytes, sha256=source.sha256)
        ),
        options=OptionsModel(max_summary_paragraphs=job.options.max_summary_paragraphs),
        labels=dict(job.labels),
        create_time=_time(job.create_time_us),
        start_time=_maybe_time(job.start_time_us),
        update_time=_time(job.update_time_us),
        end_time=_maybe_time(job.end_time_us),
        expire_time=_time(job.expire_time_us),
        next_attempt_time=_maybe_time(job.next_attempt_time_us),
        deadline_time=_maybe_time(job.deadline_time_us),
        run=job.run,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        progress=_progress(job.progress) if job.progress else None,
        queue_position=job.queue_position,
        last_error=_error(job.last_error) if job.last_error else None,
        result=_result(job.result) if job.result else None,
        error=_error(job.error) if job.error else None,
    )


def job_json(job: Job) -> str:
    """The job as JSON text, without the fields that are not set."""
    return job_model(job).model_dump_json(exclude_none=True)


def _time(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us / 1_000_000, UTC)


def _maybe_time(time_us: int | None) -> datetime | None:
    return None if time_us is None else _time(time_us)


def _progress(progress: domain.Progress) -> ProgressModel:
    return ProgressModel(
        phase=progress.phase.value,
        pages_done=progress.pages_done,
        page_count=progress.page_count,
        bytes_fetched=progress.bytes_fetched,
    )


def _error(error: domain.JobError) -> ErrorModel:
    return ErrorModel(reason=error.reason, message=error.message, retryable=error.retryable, phase=error.phase.value)


def _result(result: domain.PDFResult) -> ResultModel:
    return ResultModel(
        page_count=result.page_count,
        word_count=result.word_count,
        char_count=result.char_count,
        summary=result.summary,
        processing_time=f"{result.processing_seconds:.6f}s",
        metadata=MetadataModel(**result.metadata),
        sha256=result.sha256,
        size_bytes=result.size_bytes,
        engine=result.engine,
        warnings=[WarningModel(reason=w.reason, message=w.message, pages=list(w.pages)) for w in result.warnings],
    )
