"""The table from statuses and their details to the client's exceptions."""

import pickle

import grpc
import pytest

from gateway.errors import REFUSAL_RULES, Reason, Refusal
from gateway.errors import FieldViolation as GatewayViolation
from gateway.rpc_status import refuse
from pdfgateway import errors
from pdfgateway.rpc_errors import ERRORS_BY_REASON, STATUS_DETAILS_KEY, error_from_status
from tests.contract_messages import status_trailer

ADDRESS = "gateway.test:9000"
HTTP_ONLY = {Reason.UNSUPPORTED_MEDIA_TYPE, Reason.ROUTE_NOT_FOUND, Reason.METHOD_NOT_ALLOWED}

NAMED = [
    ("INVALID_ARGUMENT", "INVALID_ARGUMENT", errors.InvalidArgument, False),
    ("NOT_FOUND", "JOB_NOT_FOUND", errors.JobNotFound, False),
    ("NOT_FOUND", "EXPIRED", errors.JobExpired, False),
    ("FAILED_PRECONDITION", "JOB_ALREADY_FINISHED", errors.JobAlreadyFinished, False),
    ("FAILED_PRECONDITION", "JOB_NOT_FINISHED", errors.JobNotFinished, False),
    ("FAILED_PRECONDITION", "JOB_ALREADY_SUCCEEDED", errors.JobAlreadySucceeded, False),
    ("ALREADY_EXISTS", "REQUEST_ID_REUSED", errors.RequestIdReused, False),
    ("RESOURCE_EXHAUSTED", "CONTENT_TOO_LARGE", errors.ContentTooLarge, False),
    ("RESOURCE_EXHAUSTED", "QUEUE_FULL", errors.QueueFull, True),
    ("RESOURCE_EXHAUSTED", "STORE_FULL", errors.StoreFull, True),
    ("RESOURCE_EXHAUSTED", "TOO_MANY_WATCHES", errors.TooManyWatches, True),
    ("UNAVAILABLE", "STORE_UNAVAILABLE", errors.StoreUnavailable, True),
    ("UNAVAILABLE", "GATEWAY_STOPPING", errors.GatewayStopping, True),
    ("INTERNAL", "INTERNAL", errors.InternalError, False),
    # Reasons of a later contract mean what their code does.
    ("INVALID_ARGUMENT", "NEW_REASON", errors.InvalidArgument, False),
    ("UNAVAILABLE", "NEW_REASON", errors.Unavailable, True),
    ("INTERNAL", "NEW_REASON", errors.InternalError, False),
    ("FAILED_PRECONDITION", "NEW_REASON", errors.PDFGatewayError, False),
    ("NOT_FOUND", "NEW_REASON", errors.PDFGatewayError, False),
]

BARE = [
    ("INVALID_ARGUMENT", "no", errors.InvalidArgument, False),
    # Serve's proxies say so while the gateway starts; to take it for the job's would be to call accepted jobs lost.
    ("NOT_FOUND", "Route not found", errors.Unavailable, True),
    ("NOT_FOUND", "There is no job 00000000-0000-4000-8000-000000000000.", errors.JobNotFound, False),
    ("FAILED_PRECONDITION", "no", errors.JobAlreadyFinished, False),
    ("ALREADY_EXISTS", "no", errors.RequestIdReused, False),
    ("DEADLINE_EXCEEDED", "Deadline Exceeded", errors.DeadlineExceeded, True),
    ("UNAVAILABLE", "failed to connect to all addresses", errors.Unavailable, True),
    ("INTERNAL", "Received http2 header with status: 503", errors.Unavailable, True),
    ("UNKNOWN", "Stream removed", errors.Unavailable, True),
    ("CANCELLED", "RST_STREAM", errors.Unavailable, True),
    ("ABORTED", "", errors.Unavailable, True),
    ("RESOURCE_EXHAUSTED", "Concurrent RPC limit exceeded!", errors.Unavailable, True),
    (
        "RESOURCE_EXHAUSTED",
        "SERVER: Received message larger than max (5 vs. 4)",
        errors.ContentTooLarge,
        False,
    ),
    ("RESOURCE_EXHAUSTED", "CLIENT: Sent message larger than max (5 vs. 4)", errors.ContentTooLarge, False),
    ("UNIMPLEMENTED", "Method not found!", errors.PDFGatewayError, False),
    ("PERMISSION_DENIED", "", errors.PDFGatewayError, False),
]


@pytest.mark.parametrize(("code", "reason", "error_class", "retryable"), NAMED)
def test_a_named_reason_has_its_class(
    code: str, reason: str, error_class: type[errors.PDFGatewayError], retryable: bool
) -> None:
    """The reason decides where it is known, else the code; reason and message are kept as they came."""
    status = grpc.StatusCode[code]
    error = error_from_status(status, "text", [status_trailer(status, "why", reason)], ADDRESS)
    assert (type(error), error.reason, error.retryable) == (error_class, reason, retryable)
    assert error.message == "why"


@pytest.mark.parametrize(("code", "text", "error_class", "retryable"), BARE)
def test_a_bare_code_has_its_class(
    code: str, text: str, error_class: type[errors.PDFGatewayError], retryable: bool
) -> None:
    """Without details the code decides, and what a proxy or gRPC itself says can be tried again."""
    error = error_from_status(grpc.StatusCode[code], text, [("date", "today")], ADDRESS)
    assert (type(error), error.retryable) == (error_class, retryable)
    assert error.reason == (error_class.reason if error_class is not errors.PDFGatewayError else code)


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_every_code_has_a_message(code: grpc.StatusCode) -> None:
    """Whatever gRPC's code, an error results that says something."""
    error = error_from_status(code, "", [], ADDRESS)
    assert error.message


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in HTTP_ONLY])
def test_each_reason_of_the_gateway_has_its_own_class(reason: Reason) -> None:
    """The gateway's table and the client's agree: on reasons, on what may be retried and after how long."""
    context = Context()
    refuse(context, Refusal(reason, "why", (GatewayViolation("url", "is wrong"),)))
    error = error_from_status(context.code, "why", context.trailers, ADDRESS)
    assert type(error) is ERRORS_BY_REASON[reason.value]
    assert error.retry_after_seconds == REFUSAL_RULES[reason].retry_seconds
    assert error.retryable == (error.retry_after_seconds is not None)
    assert error.field_violations == (errors.FieldViolation("url", "is wrong"),)


def test_field_violations_are_told_once() -> None:
    """The text of an error names the wrong fields, once, and its reason."""
    code = grpc.StatusCode.INVALID_ARGUMENT
    violations = [("url", "must be http or https"), ("labels", "are too many")]
    said = status_trailer(code, "url: must be http or https", "INVALID_ARGUMENT", violations=violations)
    error = error_from_status(code, "", [said], ADDRESS)
    assert str(error) == "url: must be http or https; labels: are too many (INVALID_ARGUMENT)"
    assert [violation.field for violation in error.field_violations] == ["url", "labels"]


def test_a_retry_info_makes_any_error_retryable() -> None:
    """Where the gateway says after how long to come back, coming back is sensible."""
    code = grpc.StatusCode.INTERNAL
    error = error_from_status(code, "", [status_trailer(code, "", "INTERNAL", retry_seconds=0.25)], ADDRESS)
    assert error.retryable
    assert error.retry_after_seconds == 0.25


@pytest.mark.parametrize(
    "trailer",
    [
        (STATUS_DETAILS_KEY, b"\xff\xff\xff"),
        (STATUS_DETAILS_KEY, b""),
        (STATUS_DETAILS_KEY, "text"),
        status_trailer(grpc.StatusCode.NOT_FOUND, "no", "JOB_NOT_FOUND", domain="elsewhere.example"),
        status_trailer(grpc.StatusCode.NOT_FOUND, "no", ""),
    ],
)
def test_details_that_are_not_the_contracts_are_as_none(trailer: tuple[str, str | bytes]) -> None:
    """Broken details, and reasons of another domain, count no more than a bare code."""
    error = error_from_status(grpc.StatusCode.UNAVAILABLE, "down", [trailer], ADDRESS)
    assert type(error) is errors.Unavailable
    assert "down" in error.message
    assert ADDRESS in error.message


def test_errors_can_be_pickled() -> None:
    """An error crosses the border between processes whole."""
    error = errors.InvalidArgument("no", field_violations=[errors.FieldViolation("url", "is wrong")])
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
    assert (str(copy), copy.field_violations) == (str(error), error.field_violations)


class Context:
    """Keeps the status that the gateway sets."""

    def __init__(self) -> None:
        self.code = grpc.StatusCode.OK
        self.trailers: list[tuple[str, bytes]] = []

    def set_code(self, code: grpc.StatusCode) -> None:
        """Keep the code."""
        self.code = code

    def set_details(self, details: str) -> None:
        """Keep nothing: the details are in the trailers."""

    def set_trailing_metadata(self, metadata: list[tuple[str, bytes]]) -> None:
        """Keep the trailers."""
        self.trailers = metadata
