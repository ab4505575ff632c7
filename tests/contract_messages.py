"""Messages of the contract as a gateway sends them: for tests of the clients."""

from collections.abc import Sequence

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2

EPOCH = Timestamp(seconds=1_700_000_000)
"""The time of whatever has one."""


def status_trailer(
    code: grpc.StatusCode,
    message: str,
    reason: str,
    *,
    violations: Sequence[tuple[str, str]] = (),
    retry_seconds: float | None = None,
    domain: str = "pdfgateway",
) -> tuple[str, bytes]:
    """The trailer by which the gateway tells the details of a refusal."""
    details: list[Message] = [ErrorInfo(reason=reason, domain=domain)]
    if violations:
        fields = [BadRequest.FieldViolation(field=field, description=text) for field, text in violations]
        details.append(BadRequest(field_violations=fields))
    if retry_seconds is not None:
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(round(retry_seconds * 1000))
        details.append(retry)
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return "grpc-status-details-bin", status.SerializeToString()


def job_message(job_id: str = "job-1", *, seq: int = 1, state: str = "QUEUED", **fields: object) -> job_pb2.Job:
    """A job with what the contract promises to be set."""
    job = job_pb2.Job(
        id=job_id,
        seq=seq,
        state=job_pb2.JobState.Value(f"JOB_STATE_{state}"),
        source=job_pb2.Source(url="https://example.com/paper.pdf"),
        options=job_pb2.ProcessingOptions(max_summary_paragraphs=3),
        create_time=EPOCH,
        update_time=EPOCH,
        expire_time=EPOCH,
        run=1,
        max_attempts=4,
    )
    job.MergeFrom(job_pb2.Job(**fields))  # type: ignore[arg-type]  # the caller's fields are the message's own
    if job.state == job_pb2.JOB_STATE_SUCCEEDED and not job.HasField("result"):
        job.result.CopyFrom(job_pb2.PDFResult(page_count=3, word_count=1200, summary="First.\n\nSecond."))
    if job.state == job_pb2.JOB_STATE_FAILED and not job.HasField("error"):
        job.error.CopyFrom(job_pb2.JobError(reason="ENCRYPTED", message="It opens with a password only."))
    return job


def attempt_message(run: int = 1, attempt: int = 1, *, state: str = "FAILED", **fields: object) -> job_pb2.Attempt:
    """An attempt with what the contract promises to be set."""
    message = job_pb2.Attempt(
        run=run,
        attempt=attempt,
        state=job_pb2.AttemptState.Value(f"ATTEMPT_STATE_{state}"),
        worker="worker-7",
        start_time=EPOCH,
    )
    message.MergeFrom(job_pb2.Attempt(**fields))  # type: ignore[arg-type]  # the caller's fields are the message's own
    if message.state != job_pb2.ATTEMPT_STATE_RUNNING and not message.HasField("end_time"):
        message.end_time.CopyFrom(EPOCH)
    if message.state == job_pb2.ATTEMPT_STATE_FAILED and not message.HasField("error"):
        message.error.CopyFrom(job_pb2.JobError(reason="LEASE_LOST", message="Its worker fell silent.", retryable=True))
    return message


def dead_letter_message(job_id: str = "job-1", **fields: object) -> service_pb2.DeadLetter:
    """A job's dead letter; without an id, that of a message that is none of the gateway's."""
    if job_id:
        letter = service_pb2.DeadLetter(
            queue="failed_pdfs",
            reason="LEASE_LOST",
            message="Its worker fell silent.",
            job_id=job_id,
            run=1,
            attempt=1,
            attempts=[attempt_message()],
        )
    else:
        letter = service_pb2.DeadLetter(
            queue="invalid_pdfs", reason="NOT_JSON", message="The message is no JSON.", raw="hello"
        )
    letter.time.CopyFrom(EPOCH)
    letter.MergeFrom(service_pb2.DeadLetter(**fields))  # type: ignore[arg-type]  # the fields are the message's own
    return letter


def extracting(pages_done: int, page_count: int) -> job_pb2.Progress:
    """The progress of a job whose pages are being read."""
    return job_pb2.Progress(phase=job_pb2.PHASE_EXTRACT, pages_done=pages_done, page_count=page_count)
