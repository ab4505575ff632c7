"""The gRPC side: messages of protos/pdfgateway/v1 to and from the service's words, and refusals to gRPC statuses."""

from collections.abc import AsyncGenerator
from typing import Protocol

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2

from gateway.errors import Refusal
from gateway.faults import as_refusal
from gateway.service import GatewayService
from gateway.submission import Submission
from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2
from workers.jobs.job import Job, JobError, PDFResult, UrlSource

ERROR_DOMAIN = "pdfgateway"
"""The domain of ErrorInfo: whose reasons they are."""
STATUS_DETAILS_KEY = "grpc-status-details-bin"
"""The trailer that carries google.rpc.Status, by gRPC's convention."""

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RpcContext(Protocol):
    """What a call is told of its ending; Serve's context and grpc.aio's both offer it."""

    def set_code(self, code: grpc.StatusCode) -> None: ...  # noqa: D102  (gRPC's own)
    def set_details(self, details: str) -> None: ...  # noqa: D102  (gRPC's own)
    def set_trailing_metadata(self, metadata: list[tuple[str, bytes]]) -> None: ...  # noqa: D102  (gRPC's own)


class RpcRefused(Exception):
    """Ends a stream whose refusal is set on its context."""


class RpcTranslator:
    """The RPCs of PDFGatewayService. Refusals are set on the context and an empty answer returned: to raise would lose
    their details, and print a traceback for each bad request.
    """

    def __init__(self, service: GatewayService, *, streams_may_return_refusals: bool) -> None:
        self._service = service
        self._streams_may_return_refusals = streams_may_return_refusals

    async def submit_pdf(
        self, request: service_pb2.SubmitPDFRequest, context: RpcContext
    ) -> service_pb2.SubmitPDFResponse:
        """SubmitPDF."""
        try:
            job = await self._service.submit(submission(request))
            return service_pb2.SubmitPDFResponse(job=job_message(job))
        except Exception as error:  # noqa: BLE001  (the edge: whatever it is becomes a status)
            refuse(context, as_refusal(error))
            return service_pb2.SubmitPDFResponse()

    async def get_status(
        self, request: service_pb2.GetStatusRequest, context: RpcContext
    ) -> service_pb2.GetStatusResponse:
        """GetStatus."""
        try:
            wait_seconds = seconds(request.wait) if request.HasField("wait") else 0
            job = await self._service.status(request.job_id, wait_seconds=wait_seconds)
            return service_pb2.GetStatusResponse(job=job_message(job))
        except Exception as error:  # noqa: BLE001  (the edge: whatever it is becomes a status)
            refuse(context, as_refusal(error))
            return service_pb2.GetStatusResponse()

    async def cancel_job(
        self, request: service_pb2.CancelJobRequest, context: RpcContext
    ) -> service_pb2.CancelJobResponse:
        """CancelJob."""
        try:
            return service_pb2.CancelJobResponse(job=job_message(await self._service.cancel(request.job_id)))
        except Exception as error:  # noqa: BLE001  (the edge: whatever it is becomes a status)
            refuse(context, as_refusal(error))
            return service_pb2.CancelJobResponse()

    async def watch_status(
        self, request: service_pb2.WatchStatusRequest, context: RpcContext
    ) -> AsyncGenerator[service_pb2.WatchStatusResponse, None]:
        """WatchStatus."""
        watch = self._service.watch(request.job_id, after_seq=request.after_seq)
        try:
            async for job in watch:
                yield watch_message(job)
        except Exception as error:
            refuse(context, as_refusal(error))
            if not self._streams_may_return_refusals:
                raise RpcRefused from error
        finally:
            await watch.aclose()


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
    )


def seconds(duration: Duration) -> float:
    """A duration in seconds, however odd: ToTimedelta would overflow on values that a client can send."""
    return duration.seconds + duration.nanos / 1e9


def refuse(context: RpcContext, refusal: Refusal) -> None:
    """Set a refusal as the call's status, with its details (google.rpc, AIP-193)."""
    rule = refusal.rule
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=refusal.reason.value, domain=ERROR_DOMAIN)]
    if refusal.violations:
        violation = error_details_pb2.BadRequest.FieldViolation
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    violation(field=wrong.field, description=wrong.description) for wrong in refusal.violations
                ]
            )
        )
    if rule.retry_seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(int(rule.retry_seconds * 1000))
        details.append(retry)
    status = status_pb2.Status(code=rule.grpc_code, message=refusal.message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    context.set_code(_CODES[rule.grpc_code])
    context.set_details(refusal.message)
    context.set_trailing_metadata([(STATUS_DETAILS_KEY, status.SerializeToString())])


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
