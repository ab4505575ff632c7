"""Refusals over gRPC: a status with details (google.rpc, AIP-193), with the same reasons as over HTTP."""

from types import TracebackType
from typing import Protocol

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from gateway.errors import Refusal
from gateway.faults import as_refusal

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


class refusals:  # noqa: N801  (read as `with refusals(context):`)
    """Whatever is raised within becomes the status of the call; what follows is its answer, which nobody reads then."""

    def __init__(self, context: RpcContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        refuse(self._context, as_refusal(error))
        return True


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
