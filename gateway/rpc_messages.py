"""Messages of protos/pdfgateway/v1 to and from the service's words. Pure."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.dead_letters import DeadLetterFilter
from gateway.errors import FieldViolation, invalid
from gateway.job_list import JobQuery
from gateway.submission import Submission
from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2
from workers.jobs.job import Attempt, Job, JobError, PDFResult, UrlSource
from workers.jobs.state import JobState
from workers.record.dead_letter import DeadLetter

STATES: dict[int, JobState] = {job_pb2.JobState.Value(f"JOB_STATE_{state.value}"): state for state in JobState}
"""The contract's numbers of the states."""


def submission(request: service_pb2.SubmitPDFRequest) -> Submission:
    """A submission as it came by gRPC."""
    source = request.WhichOneof("source")
    options = request.options
    return Submission(
        url=request.url if source == "url" else None,
        content=request.content if source == "content" else None,
        filename=request.filename,
        max_summary_paragraphs=options.max_summary_paragraphs if options.HasField("max_summary_paragraphs") else None,
        request_id=request.request_id,
        labels=dict(request.labels),
        deadline_seconds=seconds(request.deadline) if request.HasField("deadline") else None,
        retention_seconds=seconds(request.retention) if request.HasField("retention") else None,
        reuse_result=request.reuse_result,
    )


def job_query(request: service_pb2.ListJobsRequest) -> JobQuery:
    """Which jobs are asked for.

    Raises:
        Refusal: INVALID_ARGUMENT, where a state is none.
    """
    if unknown := [number for number in request.states if number not in STATES]:
        raise invalid(FieldViolation("states", f"must be states of jobs, not {unknown[0]}"))
    return JobQuery(
        states=frozenset(STATES[number] for number in request.states),
        labels=dict(request.labels),
        from_us=micros(request.create_time_from) if request.HasField("create_time_from") else None,
        before_us=micros(request.create_time_before) if request.HasField("create_time_before") else None,
    )


def dead_letter_filter(message: service_pb2.DeadLetterFilter) -> DeadLetterFilter:
    """Which dead letters are meant."""
    return DeadLetterFilter(
        queue=message.queue,
        reason=message.reason,
        before_us=micros(message.time_before) if message.HasField("time_before") else None,
    )


def micros(timestamp: Timestamp) -> int:
    """A time in microseconds since 1970, however odd."""
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1000


def seconds(duration: Duration) -> float:
    """A duration in seconds, however odd: ToTimedelta would overflow on values that a client can send."""
    return duration.seconds + duration.nanos / 1e9


def watch_message(job: Job | None) -> service_pb2.WatchStatusResponse:
    """A message of a watch: the job, or a heartbeat."""
    if job is not None:
        return service_pb2.WatchStatusResponse(job=job_message(job))
    now = Timestamp()
    now.GetCurrentTime()
    return service_pb2.WatchStatusResponse(heartbeat=service_pb2.Heartbeat(time=now))


def job_message(job: Job) -> job_pb2.Job:
    """The job as the contract has it."""
    message = job_pb2.Job(
        id=job.id,
        state=job_pb2.JobState.Value(f"JOB_STATE_{job.state.value}"),
        seq=job.seq,
        source=_source(job),
        options=job_pb2.ProcessingOptions(max_summary_paragraphs=job.options.max_summary_paragraphs),
        labels=job.labels,
        create_time=_timestamp(job.create_time_us),
        update_time=_timestamp(job.update_time_us),
        expire_time=_timestamp(job.expire_time_us),
        start_time=_timestamp(job.start_time_us),
        end_time=_timestamp(job.end_time_us),
        next_attempt_time=_timestamp(job.next_attempt_time_us),
        deadline_time=_timestamp(job.deadline_time_us),
        run=job.run,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        queue_position=job.queue_position,
        attempts=map(_attempt, job.attempts),
        reused_job_id=job.reused_job_id,
    )
    if job.progress is not None:
        progress = job.progress
        message.progress.CopyFrom(
            job_pb2.Progress(
                phase=job_pb2.Phase.Value(f"PHASE_{progress.phase.value}"),
                pages_done=progress.pages_done,
                page_count=progress.page_count,
                bytes_fetched=progress.bytes_fetched,
            )
        )
    if job.last_error is not None:
        message.last_error.CopyFrom(_error(job.last_error))
    if job.error is not None:
        message.error.CopyFrom(_error(job.error))
    if job.result is not None:
        message.result.CopyFrom(_result(job.result))
    return message


def dead_letter_message(letter: DeadLetter) -> service_pb2.DeadLetter:
    """The dead letter as the contract has it."""
    return service_pb2.DeadLetter(
        queue=letter.queue,
        time=_timestamp(letter.time_us),
        reason=letter.reason,
        message=letter.message,
        job_id=letter.job_id,
        run=letter.run,
        attempt=letter.attempt,
        attempts=map(_attempt, letter.attempts),
        raw=letter.raw,
    )


def _attempt(attempt: Attempt) -> job_pb2.Attempt:
    return job_pb2.Attempt(
        run=attempt.run,
        attempt=attempt.attempt,
        state=job_pb2.AttemptState.Value(f"ATTEMPT_STATE_{attempt.state.value}"),
        worker=attempt.worker,
        start_time=_timestamp(attempt.start_time_us),
        end_time=_timestamp(attempt.end_time_us),
        error=_error(attempt.error) if attempt.error else None,
    )


def _timestamp(time_us: int | None) -> Timestamp | None:
    if time_us is None:
        return None
    return Timestamp(seconds=time_us // 1_000_000, nanos=time_us % 1_000_000 * 1000)


def _source(job: Job) -> job_pb2.Source:
    source = job.source
    if isinstance(source, UrlSource):
        return job_pb2.Source(url=source.display_url)
    upload = job_pb2.Upload(filename=source.filename, size_bytes=source.size_bytes, sha256=source.sha256)
    return job_pb2.Source(upload=upload)


def _error(error: JobError) -> job_pb2.JobError:
    return job_pb2.JobError(
        reason=error.reason,
        message=error.message,
        retryable=error.retryable,
        phase=job_pb2.Phase.Value(f"PHASE_{error.phase.value}"),
    )


def _result(result: PDFResult) -> job_pb2.PDFResult:
    nanos = round(result.processing_seconds * 1e9)
    return job_pb2.PDFResult(
        page_count=result.page_count,
        word_count=result.word_count,
        char_count=result.char_count,
        summary=result.summary,
        processing_time=Duration(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000),
        metadata=job_pb2.PDFMetadata(**result.metadata),
        sha256=result.sha256,
        size_bytes=result.size_bytes,
        engine=result.engine,
        warnings=[
            job_pb2.Warning(reason=warning.reason, message=warning.message, pages=warning.pages)
            for warning in result.warnings
        ],
    )
