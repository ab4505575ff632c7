"""What a fake gateway can be scripted to do."""

from dataclasses import dataclass
from threading import Event
from typing import TypeAlias

import grpc

from pdfgateway.v1 import job_pb2
from tests.contract_messages import status_trailer


@dataclass(frozen=True, slots=True)
class Refuse:
    """Ends a call with a status; without a reason it is bare, as from a proxy."""

    code: grpc.StatusCode
    message: str = "refused"
    reason: str = ""
    violations: tuple[tuple[str, str], ...] = ()
    retry_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Sends a job on a stream."""

    job: job_pb2.Job


@dataclass(frozen=True, slots=True)
class Beat:
    """Sends a heartbeat on a stream."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Says nothing until the client is gone."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Says nothing for a time."""

    seconds: float


Step: TypeAlias = Send | Beat | Pause | Stall | Refuse


def refuse(refusal: Refuse, context: grpc.ServicerContext) -> None:
    """End the call with the refusal."""
    if refusal.reason:
        trailer = status_trailer(
            refusal.code,
            refusal.message,
            refusal.reason,
            violations=refusal.violations,
            retry_seconds=refusal.retry_seconds,
        )
        context.set_trailing_metadata((trailer,))
    context.abort(refusal.code, refusal.message)


def stall(context: grpc.ServicerContext) -> None:
    """Say nothing until the client is gone."""
    gone = Event()
    if context.add_callback(gone.set):
        gone.wait()
