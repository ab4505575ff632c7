"""Messages of the contract as a gateway sends them: for tests of the clients."""

from collections.abc import Sequence

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from pdfgateway.v1 import job_pb2

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


def extracting(pages_done: int, page_count: int) -> job_pb2.Progress:
    """The progress of a job whose pages are being read."""
    return job_pb2.Progress(phase=job_pb2.PHASE_EXTRACT, pages_done=pages_done, page_count=page_count)
