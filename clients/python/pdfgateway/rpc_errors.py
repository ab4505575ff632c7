"""What a failed RPC means: from gRPC's status and google.rpc's details to one of our exceptions."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from pdfgateway.errors import (
    ContentTooLarge,
    DeadlineExceeded,
    FieldViolation,
    GatewayStopping,
    InternalError,
    InvalidArgument,
    JobAlreadyFinished,
    JobAlreadySucceeded,
    JobExpired,
    JobNotFinished,
    JobNotFound,
    PDFGatewayError,
    QueueFull,
    RequestIdReused,
    StoreFull,
    StoreUnavailable,
    TooManyWatches,
    Unavailable,
)

ERROR_DOMAIN = "pdfgateway"
"""The domain of the contract's reasons in google.rpc.ErrorInfo."""

STATUS_DETAILS_KEY = "grpc-status-details-bin"
"""The trailer that carries a serialized google.rpc.Status (gRPC's convention for error details)."""

ERRORS_BY_REASON: Mapping[str, type[PDFGatewayError]] = MappingProxyType(
    {
        error.reason: error
        for error in (
            InvalidArgument,
            JobNotFound,
            JobExpired,
            JobAlreadyFinished,
            JobNotFinished,
            JobAlreadySucceeded,
            RequestIdReused,
            ContentTooLarge,
            QueueFull,
            StoreFull,
            TooManyWatches,
            StoreUnavailable,
            GatewayStopping,
            Unavailable,
            DeadlineExceeded,
            InternalError,
        )
    }
)
"""What the gateway names."""

ERRORS_BY_CODE: Mapping[grpc.StatusCode, type[PDFGatewayError]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
        grpc.StatusCode.UNAVAILABLE: Unavailable,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
        grpc.StatusCode.INTERNAL: InternalError,
    }
)
"""What a reason means that this version of the client does not know: as much as its code says."""

ERRORS_BY_BARE_CODE: Mapping[grpc.StatusCode, type[PDFGatewayError]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
        grpc.StatusCode.FAILED_PRECONDITION: JobAlreadyFinished,
        grpc.StatusCode.ALREADY_EXISTS: RequestIdReused,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
        # Without details these come from gRPC, or from a proxy before the gateway that finds no replica.
        grpc.StatusCode.UNAVAILABLE: Unavailable,
        # Serve's proxies say so of their routes while the gateway starts; the gateway itself gives the reason with it.
        grpc.StatusCode.NOT_FOUND: Unavailable,
        grpc.StatusCode.INTERNAL: Unavailable,
        grpc.StatusCode.UNKNOWN: Unavailable,
        grpc.StatusCode.CANCELLED: Unavailable,
        grpc.StatusCode.ABORTED: Unavailable,
        grpc.StatusCode.RESOURCE_EXHAUSTED: Unavailable,
    }
)
"""What a code means that comes without the contract's details."""

Detail = TypeVar("Detail", ErrorInfo, BadRequest, RetryInfo)
"""The details that the contract puts into a status."""

_NO_JOB_WORDS = ("There is no job ", "Job ")
"""How the gateway words its NOT_FOUND; behind Ray's Python proxies a refused watch has lost its details."""
_MESSAGE_SIZE_WORDS = "message larger than max"
"""How gRPC's core words its own RESOURCE_EXHAUSTED for a message over the limit."""


def error_from_rpc(rpc_error: grpc.RpcError, address: str) -> PDFGatewayError:
    """Return what a failed RPC to the gateway at `address` means; for gRPC's sync and async errors alike."""
    # Pairs at run time, sync and async; the stubs call the sync ones a class of no form.
    trailers = cast("Iterable[tuple[str, str | bytes]]", rpc_error.trailing_metadata() or ())
    error = error_from_status(rpc_error.code(), rpc_error.details() or "", trailers, address)
    error.__cause__ = rpc_error
    return error


def error_from_status(
    code: grpc.StatusCode, text: str, trailers: Iterable[tuple[str, str | bytes]], address: str
) -> PDFGatewayError:
    """Return what a status means, by the contract's details if its trailers hold any, else by its code."""
    status = _status_in(trailers)
    info = _detail(status, ErrorInfo())
    if info.domain != ERROR_DOMAIN or not info.reason:
        return _bare_error(code, text, address)
    fallback = ERRORS_BY_CODE.get(code, PDFGatewayError)
    violations = _detail(status, BadRequest()).field_violations
    retry = _detail(status, RetryInfo())
    return ERRORS_BY_REASON.get(info.reason, fallback)(
        status.message or text,
        reason=info.reason,
        field_violations=(FieldViolation(violation.field, violation.description) for violation in violations),
        retry_after_seconds=retry.retry_delay.ToMilliseconds() / 1000 if retry.HasField("retry_delay") else None,
    )


def _bare_error(code: grpc.StatusCode, text: str, address: str) -> PDFGatewayError:
    """Return what a code means that comes without the contract's details."""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _MESSAGE_SIZE_WORDS in text:
        return ContentTooLarge(f"the gateway at {address} takes no message of this size: {text}")
    if code is grpc.StatusCode.NOT_FOUND and text.startswith(_NO_JOB_WORDS):
        return JobNotFound(text)
    error = ERRORS_BY_BARE_CODE.get(code)
    if error is None:
        return PDFGatewayError(f"the gateway at {address} refused: {text or code.name}", reason=code.name)
    if code is grpc.StatusCode.CANCELLED:
        return Unavailable(f"the gateway at {address} cut the call off, or was silent for too long")
    if error is Unavailable:
        return Unavailable(f"no answer from the gateway at {address}: {text or code.name}")
    if error is DeadlineExceeded:
        return DeadlineExceeded(f"no answer from the gateway at {address} in the time given to the call")
    return error(text or code.name)


def _status_in(trailers: Iterable[tuple[str, str | bytes]]) -> Status:
    """Return the google.rpc.Status of the trailers; an empty one where none can be read."""
    for key, value in trailers:
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                break
    return Status()


def _detail(status: Status, detail: Detail) -> Detail:
    """Return the status's first detail of the given, empty one's type; that one where none can be read."""
    for packed in status.details:
        try:
            if packed.Unpack(detail):
                break
        except DecodeError:
            detail.Clear()
    return detail
