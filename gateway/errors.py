"""Refusals: requests that are not carried out. One table gives each reason its gRPC code and its HTTP status.

A job that fails is no refusal: its failure is data on the job (workers.jobs.failure).
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The stable names of refusals. Clients may branch on them: a name is never changed, only added."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    """A field is wrong; the details name it."""
    JOB_NOT_FOUND = "JOB_NOT_FOUND"
    """There is no such job."""
    EXPIRED = "EXPIRED"
    """The job's time to be kept is over, and it was removed."""
    JOB_ALREADY_FINISHED = "JOB_ALREADY_FINISHED"
    """The job is in a terminal state."""
    JOB_NOT_FINISHED = "JOB_NOT_FINISHED"
    """The job is in no terminal state."""
    JOB_ALREADY_SUCCEEDED = "JOB_ALREADY_SUCCEEDED"
    """The job has its result."""
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    """The idempotency key was used for another request."""
    CONTENT_TOO_LARGE = "CONTENT_TOO_LARGE"
    """The bytes sent are more than allowed."""
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    """HTTP only: the body is neither JSON nor multipart/form-data."""
    ROUTE_NOT_FOUND = "ROUTE_NOT_FOUND"
    """HTTP only: there is nothing at this path."""
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    """HTTP only: the path knows other methods."""
    TOO_MANY_WATCHES = "TOO_MANY_WATCHES"
    """Too many callers watch or wait."""
    QUEUE_FULL = "QUEUE_FULL"
    """As many jobs wait as may."""
    STORE_FULL = "STORE_FULL"
    """The job store has used as much of its memory as submissions may use."""
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    """The job store does not answer."""
    GATEWAY_STOPPING = "GATEWAY_STOPPING"
    """gRPC only: a watch ends before its job, because the process that served it is to stop."""
    INTERNAL = "INTERNAL"
    """A fault of the gateway."""


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """What follows from a reason. Codes by google.rpc.Code; statuses by RFC 9110."""

    grpc_code: int
    http_status: int
    retry_seconds: float | None = None
    """After how long a retry of the same request is sensible; None: never."""


REFUSAL_RULES: dict[Reason, RefusalRule] = {
    Reason.INVALID_ARGUMENT: RefusalRule(3, 400),
    Reason.JOB_NOT_FOUND: RefusalRule(5, 404),
    Reason.EXPIRED: RefusalRule(5, 404),
    Reason.JOB_ALREADY_FINISHED: RefusalRule(9, 409),
    Reason.JOB_NOT_FINISHED: RefusalRule(9, 409),
    Reason.JOB_ALREADY_SUCCEEDED: RefusalRule(9, 409),
    Reason.REQUEST_ID_REUSED: RefusalRule(6, 409),
    Reason.CONTENT_TOO_LARGE: RefusalRule(8, 413),
    Reason.UNSUPPORTED_MEDIA_TYPE: RefusalRule(3, 415),
    Reason.ROUTE_NOT_FOUND: RefusalRule(12, 404),
    Reason.METHOD_NOT_ALLOWED: RefusalRule(12, 405),
    Reason.TOO_MANY_WATCHES: RefusalRule(8, 429, retry_seconds=5),
    Reason.QUEUE_FULL: RefusalRule(8, 429, retry_seconds=5),
    Reason.STORE_FULL: RefusalRule(8, 429, retry_seconds=10),
    Reason.STORE_UNAVAILABLE: RefusalRule(14, 503, retry_seconds=1),
    Reason.GATEWAY_STOPPING: RefusalRule(14, 503, retry_seconds=1),
    Reason.INTERNAL: RefusalRule(13, 500),
}


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One wrong field of a request, by its name in the contract, and what is wrong with it."""

    field: str
    description: str


class Refusal(Exception):
    """A request is not carried out. The message is for people and holds no secrets."""

    def __init__(self, reason: Reason, message: str, violations: tuple[FieldViolation, ...] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.violations = violations

    @property
    def rule(self) -> RefusalRule:
        """Its gRPC code, HTTP status and retry."""
        return REFUSAL_RULES[self.reason]


VIOLATIONS_MAX = 10
"""Wrong fields that one refusal names: gRPC carries them in trailers, for which clients take 8 KiB."""
VIOLATION_LENGTH_MAX = 200
"""Characters of a field's name, and of what is wrong with it."""


def invalid(*violations: FieldViolation) -> Refusal:
    """The refusal of a request with wrong fields, the first of them named."""
    violations = tuple(
        FieldViolation(one.field[:VIOLATION_LENGTH_MAX], one.description[:VIOLATION_LENGTH_MAX])
        for one in violations[:VIOLATIONS_MAX]
    )
    message = "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
    return Refusal(Reason.INVALID_ARGUMENT, message, violations)


def job_not_found(job_id: str) -> Refusal:
    """The refusal of a request for a job that is not there."""
    shown = job_id if len(job_id) <= 36 and job_id.isprintable() else "of that id"
    return Refusal(Reason.JOB_NOT_FOUND, f"There is no job {shown}.")


def job_expired(job_id: str) -> Refusal:
    """The refusal of a request for a job that was removed at its time."""
    return Refusal(Reason.EXPIRED, f"Job {job_id} has expired: it was removed with its result.")


def store_unavailable() -> Refusal:
    """The refusal of a request that the store did not answer in time."""
    return Refusal(Reason.STORE_UNAVAILABLE, "The job store does not answer. Try again in a moment.")


def gateway_stopping() -> Refusal:
    """The end of a watch whose job has not ended, in a process that is to stop."""
    return Refusal(Reason.GATEWAY_STOPPING, "This process of the gateway is to stop. Watch again in a moment.")
