"""A gateway over real gRPC, with jobs in memory and scripted faults: for tests of the clients."""

# ruff: noqa: N802  (the RPCs' names are gRPC's)

import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Condition, Event
from types import TracebackType
from typing import Self, TypeAlias

import grpc
from google.protobuf.message import Message

from pdfgateway.v1 import job_pb2
from pdfgateway.v1.pdf_gateway_service_pb2 import (
    CancelJobRequest,
    CancelJobResponse,
    GetStatusRequest,
    GetStatusResponse,
    Heartbeat,
    SubmitPDFRequest,
    SubmitPDFResponse,
    WatchStatusRequest,
    WatchStatusResponse,
)
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import (
    PDFGatewayServiceServicer,
    add_PDFGatewayServiceServicer_to_server,
)
from tests.contract_messages import EPOCH, job_message, status_trailer

TERMINAL_STATES = (job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED)
CALLS_MAX = 256
STREAMS_PER_CONNECTION_MAX = 100
TICK_SECONDS = 0.02


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


class FakeGateway(PDFGatewayServiceServicer):
    """Answers from `jobs`, unless a fault or, for a watch, a script is waiting: then the call takes that."""

    def __init__(self) -> None:
        self.jobs: dict[str, job_pb2.Job] = {}
        self.requests: list[Message] = []
        """All requests, in the order of their arrival."""
        self.metadata: list[dict[str, str | bytes]] = []
        """The metadata of each of them."""
        self.faults: dict[str, deque[Refuse | Stall]] = defaultdict(deque)
        """What the next calls of an RPC meet, by its name."""
        self.watch_scripts: dict[str, deque[Sequence[Step]]] = defaultdict(deque)
        """What the next watches of a job get, by its id; a script that ends, ends its stream with OK."""
        self.outcome = "SUCCEEDED"
        """How a submitted job ends, in the moment it is watched; empty if it does not."""
        self.lose_cancel_answers = 0
        """How many cancels are carried out but answered with UNAVAILABLE."""
        self.open_calls = 0
        """How many calls are open now."""
        self._ids_by_request_id: dict[str, str] = {}
        self._changed = Condition()

    def put(self, job: job_pb2.Job) -> None:
        """Set a job, for all who watch it."""
        with self._changed:
            self.jobs[job.id] = job
            self._changed.notify_all()

    def requests_of(self, kind: type[Message]) -> list[Message]:
        """The requests of one kind."""
        return [request for request in list(self.requests) if isinstance(request, kind)]

    def wait_for_requests(self, kind: type[Message], count: int, seconds: float = 10) -> None:
        """Wait until so many requests of one kind have come."""
        deadline = time.monotonic() + seconds
        while len(self.requests_of(kind)) < count:
            assert time.monotonic() < deadline, f"{len(self.requests_of(kind))} of {count} {kind.__name__} came"
            time.sleep(TICK_SECONDS)

    def SubmitPDF(self, request: SubmitPDFRequest, context: grpc.ServicerContext) -> SubmitPDFResponse:
        """Keep a job, one for each request_id."""
        self._take(request, context)
        with self._changed:
            job_id = self._ids_by_request_id.setdefault(request.request_id, f"job-{len(self.jobs) + 1}")
            if job_id not in self.jobs:
                self.put(job_message(job_id, labels=dict(request.labels), source=_source(request)))
        return SubmitPDFResponse(job=self.jobs[job_id])

    def GetStatus(self, request: GetStatusRequest, context: grpc.ServicerContext) -> GetStatusResponse:
        """Answer with the job, after the wait if there is one."""
        self._take(request, context)
        job = self._find(request.job_id, context)
        deadline = time.monotonic() + request.wait.ToMilliseconds() / 1000
        while job.state not in TERMINAL_STATES and time.monotonic() < deadline and context.is_active():
            with self._changed:
                self._changed.wait(TICK_SECONDS)
            job = self._find(request.job_id, context)
        return GetStatusResponse(job=job)

    def CancelJob(self, request: CancelJobRequest, context: grpc.ServicerContext) -> CancelJobResponse:
        """End the job."""
        self._take(request, context)
        job = self._find(request.job_id, context)
        if job.state in TERMINAL_STATES:
            refusal = Refuse(grpc.StatusCode.FAILED_PRECONDITION, "It has ended.", "JOB_ALREADY_FINISHED")
            _abort(refusal, context)
        self.put(job_message(job.id, seq=job.seq + 1, state="CANCELLED"))
        if self.lose_cancel_answers:
            self.lose_cancel_answers -= 1
            _abort(Refuse(grpc.StatusCode.UNAVAILABLE, "lost"), context)
        return CancelJobResponse(job=self.jobs[job.id])

    def WatchStatus(self, request: WatchStatusRequest, context: grpc.ServicerContext) -> Iterator[WatchStatusResponse]:
        """Follow a script if there is one, else the job until it ends."""
        self._take(request, context)
        if scripts := self.watch_scripts[request.job_id]:
            yield from self._play(scripts.popleft(), context)
            return
        job = self._find(request.job_id, context)
        seq = request.after_seq
        while context.is_active():
            if job.seq > seq or job.state in TERMINAL_STATES:
                yield WatchStatusResponse(job=job)
                seq = job.seq
            if job.state in TERMINAL_STATES:
                return
            if self.outcome and self.requests_of(SubmitPDFRequest):
                self.put(job_message(job.id, seq=seq + 1, state=self.outcome, source=job.source))
            with self._changed:
                self._changed.wait(TICK_SECONDS)
            job = self._find(request.job_id, context)

    def _take(self, request: Message, context: grpc.ServicerContext) -> None:
        """Note a request, and let it meet the fault that is scripted for it."""
        self.metadata.append(dict(context.invocation_metadata()))
        self.requests.append(request)
        with self._changed:
            self.open_calls += 1
        if not context.add_callback(self._end):
            self._end()
        faults = self.faults[type(request).__name__.removesuffix("Request")]
        if faults:
            fault = faults.popleft()
            if isinstance(fault, Stall):
                _stall(context)
            else:
                _abort(fault, context)

    def _end(self) -> None:
        """Count a call as over."""
        with self._changed:
            self.open_calls -= 1
            self._changed.notify_all()

    def wait_until_idle(self, seconds: float = 10) -> None:
        """Wait until no call is open."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open_calls == 0, seconds), f"{self.open_calls} are open"

    def _find(self, job_id: str, context: grpc.ServicerContext) -> job_pb2.Job:
        """The job; refuses the call if there is none."""
        if job_id not in self.jobs:
            _abort(Refuse(grpc.StatusCode.NOT_FOUND, f"There is no job {job_id}.", "JOB_NOT_FOUND"), context)
        return self.jobs[job_id]

    def _play(self, script: Sequence[Step], context: grpc.ServicerContext) -> Iterator[WatchStatusResponse]:
        """Do the steps of a script."""
        for step in script:
            match step:
                case Send(job):
                    yield WatchStatusResponse(job=job)
                case Beat():
                    yield WatchStatusResponse(heartbeat=Heartbeat(time=EPOCH))
                case Pause(seconds):
                    time.sleep(seconds)
                case Stall():
                    _stall(context)
                case Refuse():
                    _abort(step, context)


def _source(request: SubmitPDFRequest) -> job_pb2.Source:
    """What was submitted."""
    if request.WhichOneof("source") == "url":
        return job_pb2.Source(url=request.url)
    return job_pb2.Source(
        upload=job_pb2.Upload(filename=request.filename, size_bytes=len(request.content), sha256="0" * 64)
    )


def _abort(refusal: Refuse, context: grpc.ServicerContext) -> None:
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


def _stall(context: grpc.ServicerContext) -> None:
    """Say nothing until the client is gone."""
    gone = Event()
    if context.add_callback(gone.set):
        gone.wait()


class FakeServer:
    """Serves a fake gateway on a port of its own, which it keeps over restarts."""

    def __init__(self, gateway: FakeGateway, tls: grpc.ServerCredentials | None = None) -> None:
        self._gateway = gateway
        self._tls = tls
        self._port = 0
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where it listens, or did before it was stopped."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen."""
        options = (("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION_MAX),)
        self._server = grpc.server(ThreadPoolExecutor(CALLS_MAX), options=options)
        add_PDFGatewayServiceServicer_to_server(self._gateway, self._server)
        if self._tls is None:
            self._port = self._server.add_insecure_port(self.address)
        else:
            self._port = self._server.add_secure_port(self.address, self._tls)
        self._server.start()

    def stop(self) -> None:
        """Break all calls and close the port."""
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None
