"""What a call of this client can raise: one class per stable reason of the contract, nothing of gRPC's own.

    PDFGatewayError
    ├── InvalidArgument       a field is wrong; field_violations says which
    ├── JobNotFound           there is no such job
    │   └── JobExpired        there was, until its expire_time
    ├── JobAlreadyFinished    a finished job cannot be cancelled
    ├── JobNotFinished        a job that goes on cannot be deleted
    ├── JobAlreadySucceeded   a job that has its result cannot be replayed
    ├── RequestIdReused       the request_id belongs to another request
    ├── ContentTooLarge       more bytes than one message may have
    ├── QueueFull             as many jobs wait as may
    ├── StoreFull             the job store holds as much as it may
    ├── TooManyWatches        too many callers wait or watch
    ├── Unavailable           the gateway does not answer
    │   ├── StoreUnavailable  it does, but its job store does not
    │   └── GatewayStopping   it does, but is to stop
    ├── DeadlineExceeded      the time given to the call is over
    └── InternalError         a fault of the gateway

A job that was accepted and failed raises nothing: its failure is data, in `Job.error`.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One wrong field of a request, as in google.rpc.BadRequest."""

    field: str
    """The field's name, such as `url` or `options.max_summary_paragraphs`."""
    description: str
    """What is wrong with it."""


class PDFGatewayError(Exception):
    """A call failed. Raised itself only for refusals that this version of the client has no class for."""

    reason: str = "UNKNOWN"
    """The stable name in UPPER_SNAKE_CASE, to branch on or to search for."""
    retryable: bool = False
    """Whether the same call may succeed later without anybody changing anything."""

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        field_violations: Iterable[FieldViolation] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """What happened, for people."""
        self.field_violations = tuple(field_violations)
        """The fields that are wrong; empty where no field is."""
        self.retry_after_seconds = retry_after_seconds
        """How long the gateway asks to wait before a retry; None where it does not say."""
        if reason is not None:
            self.reason = reason
        if retry_after_seconds is not None:
            self.retryable = True

    def __str__(self) -> str:
        unsaid = [
            f"{violation.field}: {violation.description}"
            for violation in self.field_violations
            if violation.description not in self.message
        ]
        return f"{'; '.join([self.message, *unsaid])} ({self.reason})"


class InvalidArgument(PDFGatewayError):
    """A field of the request is wrong, and `field_violations` names it; do not send it again."""

    reason = "INVALID_ARGUMENT"


class JobNotFound(PDFGatewayError):
    """There is no job of this id."""

    reason = "JOB_NOT_FOUND"


class JobExpired(JobNotFound):
    """There was a job of this id, and it was removed because its expire_time has passed."""

    reason = "EXPIRED"


class JobAlreadyFinished(PDFGatewayError):
    """The job is in a terminal state, which no cancel changes."""

    reason = "JOB_ALREADY_FINISHED"


class JobNotFinished(PDFGatewayError):
    """The job is in no terminal state, so it is not deleted. Cancel it first."""

    reason = "JOB_NOT_FINISHED"


class JobAlreadySucceeded(PDFGatewayError):
    """The job has its result, so it is not replayed. Submit the PDF to have it processed anew."""

    reason = "JOB_ALREADY_SUCCEEDED"


class RequestIdReused(PDFGatewayError):
    """The request_id was used for another request. Use another one."""

    reason = "REQUEST_ID_REUSED"


class ContentTooLarge(PDFGatewayError):
    """The request has more bytes than one message may have. Submit a URL, or use HTTP with multipart."""

    reason = "CONTENT_TOO_LARGE"


class QueueFull(PDFGatewayError):
    """As many jobs wait as may. Nothing is broken: submit again later, with the same request_id."""

    reason = "QUEUE_FULL"
    retryable = True


class StoreFull(PDFGatewayError):
    """The job store holds as much as it may. Nothing is broken: submit again later, with the same request_id."""

    reason = "STORE_FULL"
    retryable = True


class TooManyWatches(PDFGatewayError):
    """Too many callers wait or watch at this time."""

    reason = "TOO_MANY_WATCHES"
    retryable = True


class Unavailable(PDFGatewayError):
    """The gateway does not answer: nothing listens there, the connection broke, or no replica of it is up."""

    reason = "UNAVAILABLE"
    retryable = True


class StoreUnavailable(Unavailable):
    """The gateway answers, but its job store does not."""

    reason = "STORE_UNAVAILABLE"


class GatewayStopping(Unavailable):
    """The gateway's process that served a watch is to stop; another one, or the next one, goes on with it."""

    reason = "GATEWAY_STOPPING"


class DeadlineExceeded(PDFGatewayError):
    """The time given to the call is over. What was asked for may have happened all the same."""

    reason = "DEADLINE_EXCEEDED"
    retryable = True


class InternalError(PDFGatewayError):
    """A fault of the gateway; the message holds an id under which the gateway's log tells more."""

    reason = "INTERNAL"
