"""The table of refusals."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from gateway.errors import REFUSAL_RULES, FieldViolation, Reason, Refusal, invalid
from gateway.faults import as_refusal
from gateway.problem import problem
from gateway.rpc_status import STATUS_DETAILS_KEY, refuse


class Context:
    """Keeps what a call is told of its ending."""

    def __init__(self) -> None:
        self.code: grpc.StatusCode | None = None
        self.details = ""
        self.metadata: dict[str, bytes] = {}

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, metadata: list[tuple[str, bytes]]) -> None:
        self.metadata = dict(metadata)


TABLE = [
    (Reason.INVALID_ARGUMENT, grpc.StatusCode.INVALID_ARGUMENT, 400, None),
    (Reason.JOB_NOT_FOUND, grpc.StatusCode.NOT_FOUND, 404, None),
    (Reason.EXPIRED, grpc.StatusCode.NOT_FOUND, 404, None),
    (Reason.JOB_NOT_FINISHED, grpc.StatusCode.FAILED_PRECONDITION, 409, None),
    (Reason.JOB_ALREADY_SUCCEEDED, grpc.StatusCode.FAILED_PRECONDITION, 409, None),
    (Reason.QUEUE_FULL, grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "5"),
    (Reason.STORE_FULL, grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "10"),
    (Reason.JOB_ALREADY_FINISHED, grpc.StatusCode.FAILED_PRECONDITION, 409, None),
    (Reason.REQUEST_ID_REUSED, grpc.StatusCode.ALREADY_EXISTS, 409, None),
    (Reason.CONTENT_TOO_LARGE, grpc.StatusCode.RESOURCE_EXHAUSTED, 413, None),
    (Reason.UNSUPPORTED_MEDIA_TYPE, grpc.StatusCode.INVALID_ARGUMENT, 415, None),
    (Reason.ROUTE_NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED, 404, None),
    (Reason.METHOD_NOT_ALLOWED, grpc.StatusCode.UNIMPLEMENTED, 405, None),
    (Reason.TOO_MANY_WATCHES, grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "5"),
    (Reason.STORE_UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, 503, "1"),
    (Reason.GATEWAY_STOPPING, grpc.StatusCode.UNAVAILABLE, 503, "1"),
    (Reason.INTERNAL, grpc.StatusCode.INTERNAL, 500, None),
]


def test_the_table_has_every_reason() -> None:
    """No reason is without its rule, and none without its row here."""
    assert {row[0] for row in TABLE} == set(Reason) == set(REFUSAL_RULES)


@pytest.mark.parametrize(("reason", "code", "status", "retry_after"), TABLE)
def test_both_protocols_tell_the_same(
    reason: Reason, code: grpc.StatusCode, status: int, retry_after: str | None
) -> None:
    """One reason has one gRPC code, one HTTP status, and the same retry on both."""
    refusal = Refusal(reason, "What happened.")
    context = Context()
    refuse(context, refusal)
    answer = problem(refusal)
    assert context.code is code
    assert context.details == "What happened."
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == retry_after
    details = status_pb2.Status.FromString(context.metadata[STATUS_DETAILS_KEY]).details
    assert any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in details) == (retry_after is not None)
    info = error_details_pb2.ErrorInfo()
    details[0].Unpack(info)
    assert (info.reason, info.domain) == (reason.value, "pdfgateway")


def test_wrong_fields_are_named_on_both_protocols() -> None:
    """BadRequest over gRPC and violations over HTTP hold the same."""
    refusal = invalid(FieldViolation("url", "is empty"), FieldViolation("labels", "are too many"))
    context = Context()
    refuse(context, refusal)
    details = status_pb2.Status.FromString(context.metadata[STATUS_DETAILS_KEY]).details
    bad_request = error_details_pb2.BadRequest()
    details[1].Unpack(bad_request)
    assert [(v.field, v.description) for v in bad_request.field_violations] == [
        ("url", "is empty"),
        ("labels", "are too many"),
    ]
    body = bytes(problem(refusal).body)
    assert b'"violations":[{"field":"url","description":"is empty"}' in body


def test_an_unforeseen_exception_tells_nothing_but_an_id(caplog: pytest.LogCaptureFixture) -> None:
    """Clients see no text of an exception; the log has it under the id that clients see."""
    refusal = as_refusal(RuntimeError("the secret"))
    assert refusal.reason is Reason.INTERNAL
    assert "secret" not in refusal.message
    fault_id = refusal.message.split()[-1].rstrip(".")
    assert fault_id in caplog.text
    assert "the secret" in caplog.text
