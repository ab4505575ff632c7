"""From the contract's Job message to the record that users see."""

from collections.abc import Iterable
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from pdfgateway import job
from pdfgateway.v1 import job_pb2


def job_from_message(message: job_pb2.Job) -> job.Job:
    """Return the job of a message. States and phases of a later contract become UNSPECIFIED."""
    return job.Job(
        id=message.id,
        state=_job_state(message.state),
        seq=message.seq,
        source=_source(message.source),
        options=job.ProcessingOptions(max_summary_paragraphs=message.options.max_summary_paragraphs),
        labels=dict(message.labels),
        create_time=time_from_message(message.create_time),
        start_time=time_from_message(message.start_time) if message.HasField("start_time") else None,
        update_time=time_from_message(message.update_time),
        end_time=time_from_message(message.end_time) if message.HasField("end_time") else None,
        expire_time=time_from_message(message.expire_time),
        next_attempt_time=time_from_message(message.next_attempt_time)
        if message.HasField("next_attempt_time")
        else None,
        deadline_time=time_from_message(message.deadline_time) if message.HasField("deadline_time") else None,
        run=message.run,
        attempt=message.attempt,
        max_attempts=message.max_attempts,
        progress=_progress(message.progress) if message.HasField("progress") else None,
        queue_position=message.queue_position if message.HasField("queue_position") else None,
        last_error=_error(message.last_error) if message.HasField("last_error") else None,
        result=_result(message.result) if message.HasField("result") else None,
        error=_error(message.error) if message.HasField("error") else None,
        attempts=attempts_from_messages(message.attempts),
        reused_job_id=message.reused_job_id or None,
    )


def attempts_from_messages(messages: Iterable[job_pb2.Attempt]) -> tuple[job.Attempt, ...]:
    """Return the attempts of messages. States of a later contract become UNSPECIFIED."""
    return tuple(
        job.Attempt(
            run=message.run,
            attempt=message.attempt,
            state=_attempt_state(message.state),
            worker=message.worker,
            start_time=time_from_message(message.start_time),
            end_time=time_from_message(message.end_time) if message.HasField("end_time") else None,
            error=_error(message.error) if message.HasField("error") else None,
        )
        for message in messages
    )


def time_from_message(timestamp: Timestamp) -> datetime:
    """Return the time in UTC, to the microsecond."""
    return timestamp.ToDatetime(tzinfo=UTC)


def _job_state(value: job_pb2.JobState.ValueType) -> job.JobState:
    """Return the state of a number of the contract's enum, which may have grown since."""
    if value not in job_pb2.JobState.values():
        return job.JobState.UNSPECIFIED
    return job.JobState(job_pb2.JobState.Name(value).removeprefix("JOB_STATE_"))


def _attempt_state(value: job_pb2.AttemptState.ValueType) -> job.AttemptState:
    """Return the state of a number of the contract's enum, which may have grown since."""
    if value not in job_pb2.AttemptState.values():
        return job.AttemptState.UNSPECIFIED
    return job.AttemptState(job_pb2.AttemptState.Name(value).removeprefix("ATTEMPT_STATE_"))


def _phase(value: job_pb2.Phase.ValueType) -> job.Phase:
    """Return the phase of a number of the contract's enum, which may have grown since."""
    if value not in job_pb2.Phase.values():
        return job.Phase.UNSPECIFIED
    return job.Phase(job_pb2.Phase.Name(value).removeprefix("PHASE_"))


def _source(message: job_pb2.Source) -> job.Source:
    """Return what was submitted."""
    if not message.HasField("upload"):
        return job.Source(url=message.url)
    upload = message.upload
    return job.Source(upload=job.Upload(filename=upload.filename, size_bytes=upload.size_bytes, sha256=upload.sha256))


def _progress(message: job_pb2.Progress) -> job.Progress:
    """Return how far an attempt came."""
    return job.Progress(
        phase=_phase(message.phase),
        pages_done=message.pages_done,
        page_count=message.page_count if message.HasField("page_count") else None,
        bytes_fetched=message.bytes_fetched,
    )


def _error(message: job_pb2.JobError) -> job.JobError:
    """Return why an attempt failed."""
    return job.JobError(
        reason=message.reason,
        message=message.message,
        retryable=message.retryable,
        phase=_phase(message.phase),
    )


def _result(message: job_pb2.PDFResult) -> job.PDFResult:
    """Return what was found in a PDF."""
    metadata = message.metadata
    return job.PDFResult(
        page_count=message.page_count,
        word_count=message.word_count,
        char_count=message.char_count,
        summary=message.summary,
        processing_seconds=message.processing_time.ToTimedelta().total_seconds(),
        metadata=job.PDFMetadata(
            title=metadata.title,
            author=metadata.author,
            subject=metadata.subject,
            keywords=metadata.keywords,
            creator=metadata.creator,
            producer=metadata.producer,
            creation_date=metadata.creation_date,
            modification_date=metadata.modification_date,
        ),
        sha256=message.sha256,
        size_bytes=message.size_bytes,
        engine=message.engine,
        warnings=tuple(
            job.ResultWarning(reason=warning.reason, message=warning.message, pages=tuple(warning.pages))
            for warning in message.warnings
        ),
    )
