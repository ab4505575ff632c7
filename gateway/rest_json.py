"""The service's words as the JSON of the HTTP side. Pure."""

from datetime import UTC, datetime, timedelta

from gateway.rest_models import (
    AttemptModel,
    DeadLetterModel,
    ErrorModel,
    JobModel,
    MetadataModel,
    OptionsModel,
    ProgressModel,
    ResultModel,
    SourceModel,
    UploadModel,
    WarningModel,
)
from workers.jobs import job as domain
from workers.jobs.job import Job, UrlSource
from workers.record.dead_letter import DeadLetter

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        attempts=list(map(_attempt, job.attempts)),
        reused_job_id=job.reused_job_id or None,
    )


def dead_letter_model(letter: DeadLetter) -> DeadLetterModel:
    """The dead letter as JSON has it."""
    return DeadLetterModel(
        queue=letter.queue,
        time=_time(letter.time_us),
        reason=letter.reason,
        message=letter.message,
        job_id=letter.job_id or None,
        run=letter.run or None,
        attempt=letter.attempt if letter.job_id else None,
        attempts=list(map(_attempt, letter.attempts)),
        raw=letter.raw or None,
    )


def job_json(job: Job) -> str:
    """The job as JSON text, without the fields that are not set."""
    return job_model(job).model_dump_json(exclude_none=True)


def time_us(time: datetime | None) -> int | None:
    """A time in microseconds since 1970; None stays None."""
    return None if time is None else (time - EPOCH) // timedelta(microseconds=1)


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


def _attempt(attempt: domain.Attempt) -> AttemptModel:
    return AttemptModel(
        run=attempt.run,
        attempt=attempt.attempt,
        state=attempt.state,
        worker=attempt.worker,
        start_time=_time(attempt.start_time_us),
        end_time=_maybe_time(attempt.end_time_us),
        error=_error(attempt.error) if attempt.error else None,
    )


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
