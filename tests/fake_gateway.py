"""A gateway over real gRPC, with jobs in memory and scripted faults: for tests of the clients."""

# ruff: noqa: N802  (the RPCs' names are gRPC's)

import math
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from threading import Condition
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceServicer
from tests.contract_messages import EPOCH, job_message
from tests.fake_steps import Beat, Pause, Refuse, Send, Stall, Step, refuse, stall

TERMINAL_STATES = (job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED)
TICK_SECONDS = 0.02


Item = TypeVar("Item")


class FakeGateway(PDFGatewayServiceServicer):
    """Answers from `jobs`, unless a fault or, for a watch, a script is waiting: then the call takes that."""

    def __init__(self) -> None:
        self.jobs: dict[str, job_pb2.Job] = {}
        self.requests: list[Message] = []
        """All requests, in the order of their arrival."""
        self.metadata: list[dict[str, str | bytes]] = []
        """The metadata of each of them."""
        self.seconds_given: list[float] = []
        """How much time each of them was given by its client; infinite without a deadline."""
        self.faults: dict[str, deque[Refuse | Stall | None]] = defaultdict(deque)
        """What the next calls of an RPC meet, by its name; None is nothing."""
        self.watch_scripts: dict[str, deque[Sequence[Step]]] = defaultdict(deque)
        """What the next watches of a job get, by its id; a script that ends, ends its stream with OK."""
        self.outcome = "SUCCEEDED"
        """How a submitted job ends, in the moment it is watched, and a replayed one, in the moment that the replay's
        answer is lost; empty if it does not."""
        self.dead_letters: list[service_pb2.DeadLetter] = []
        """The dead letters, newest first."""
        self.lost_answers: dict[str, int] = defaultdict(int)
        """How many of the next calls of an RPC are carried out but answered with UNAVAILABLE, by its name."""
        self.page_sizes: deque[int] = deque()
        """How much the next pages have at most, whatever was asked for."""
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

    def SubmitPDF(
        self, request: service_pb2.SubmitPDFRequest, context: grpc.ServicerContext
    ) -> service_pb2.SubmitPDFResponse:
        """Keep a job, one for each request_id."""
        self._take(request, context)
        with self._changed:
            job_id = self._ids_by_request_id.setdefault(request.request_id, f"job-{len(self.jobs) + 1}")
            if job_id not in self.jobs:
                self.put(job_message(job_id, labels=dict(request.labels), source=_source(request)))
        return service_pb2.SubmitPDFResponse(job=self.jobs[job_id])

    def GetStatus(
        self, request: service_pb2.GetStatusRequest, context: grpc.ServicerContext
    ) -> service_pb2.GetStatusResponse:
        """Answer with the job, after the wait if there is one."""
        self._take(request, context)
        job = self._find(request.job_id, context)
        deadline = time.monotonic() + request.wait.ToMilliseconds() / 1000
        while job.state not in TERMINAL_STATES and time.monotonic() < deadline and context.is_active():
            with self._changed:
                self._changed.wait(TICK_SECONDS)
            job = self._find(request.job_id, context)
        return service_pb2.GetStatusResponse(job=job)

    def CancelJob(
        self, request: service_pb2.CancelJobRequest, context: grpc.ServicerContext
    ) -> service_pb2.CancelJobResponse:
        """End the job."""
        self._take(request, context)
        job = self._find(request.job_id, context)
        if job.state in TERMINAL_STATES:
            refusal = Refuse(grpc.StatusCode.FAILED_PRECONDITION, "It has ended.", "JOB_ALREADY_FINISHED")
            refuse(refusal, context)
        self.put(job_message(job.id, seq=job.seq + 1, state="CANCELLED"))
        self._lose("CancelJob", context)
        return service_pb2.CancelJobResponse(job=self.jobs[job.id])

    def WatchStatus(
        self, request: service_pb2.WatchStatusRequest, context: grpc.ServicerContext
    ) -> Iterator[service_pb2.WatchStatusResponse]:
        """Follow a script if there is one, else the job until it ends."""
        self._take(request, context)
        if scripts := self.watch_scripts[request.job_id]:
            yield from self._play(scripts.popleft(), context)
            return
        job = self._find(request.job_id, context)
        seq = request.after_seq
        while context.is_active():
            if job.seq > seq or job.state in TERMINAL_STATES:
                yield service_pb2.WatchStatusResponse(job=job)
                seq = job.seq
            if job.state in TERMINAL_STATES:
                return
            if self.outcome and self.requests_of(service_pb2.SubmitPDFRequest):
                self.put(job_message(job.id, seq=seq + 1, state=self.outcome, source=job.source))
            with self._changed:
                self._changed.wait(TICK_SECONDS)
            job = self._find(request.job_id, context)

    def ListJobs(
        self, request: service_pb2.ListJobsRequest, context: grpc.ServicerContext
    ) -> service_pb2.ListJobsResponse:
        """Answer with a page of the jobs, the latest put first."""
        self._take(request, context)
        jobs = [job for job in reversed(self.jobs.values()) if _lists(request, job)]
        page, token = self._page(jobs, request.page_size, request.page_token)
        return service_pb2.ListJobsResponse(jobs=page, next_page_token=token)

    def DeleteJob(
        self, request: service_pb2.DeleteJobRequest, context: grpc.ServicerContext
    ) -> service_pb2.DeleteJobResponse:
        """Remove the job."""
        self._take(request, context)
        job = self._find(request.job_id, context)
        if job.state not in TERMINAL_STATES:
            refuse(Refuse(grpc.StatusCode.FAILED_PRECONDITION, "It has not ended.", "JOB_NOT_FINISHED"), context)
        del self.jobs[job.id]
        self._lose("DeleteJob", context)
        return service_pb2.DeleteJobResponse(job=job)

    def ReplayJob(
        self, request: service_pb2.ReplayJobRequest, context: grpc.ServicerContext
    ) -> service_pb2.ReplayJobResponse:
        """Start another run of the job, unless it goes on."""
        self._take(request, context)
        job = self._find(request.job_id, context)
        if job.state == job_pb2.JOB_STATE_SUCCEEDED:
            refuse(Refuse(grpc.StatusCode.FAILED_PRECONDITION, "It has succeeded.", "JOB_ALREADY_SUCCEEDED"), context)
        if job.state in TERMINAL_STATES:
            self._replay(job)
            if self.lost_answers["ReplayJob"] and self.outcome:
                self.put(job_message(job.id, seq=job.seq + 2, state=self.outcome, run=job.run + 1))
        self._lose("ReplayJob", context)
        return service_pb2.ReplayJobResponse(job=self.jobs[job.id])

    def ListDeadLetters(
        self, request: service_pb2.ListDeadLettersRequest, context: grpc.ServicerContext
    ) -> service_pb2.ListDeadLettersResponse:
        """Answer with a page of the dead letters."""
        self._take(request, context)
        letters = [letter for letter in self.dead_letters if _matches(request.filter, letter)]
        page, token = self._page(letters, request.page_size, request.page_token)
        return service_pb2.ListDeadLettersResponse(dead_letters=page, next_page_token=token)

    def ReplayDeadLetters(
        self, request: service_pb2.ReplayDeadLettersRequest, context: grpc.ServicerContext
    ) -> service_pb2.ReplayDeadLettersResponse:
        """Start another run of each job whose letter matches."""
        self._take(request, context)
        letters = [letter for letter in self.dead_letters if letter.job_id and _matches(request.filter, letter)]
        for letter in letters:
            self.dead_letters.remove(letter)
            self._replay(self.jobs[letter.job_id])
        self._lose("ReplayDeadLetters", context)
        return service_pb2.ReplayDeadLettersResponse(replayed_count=len(letters))

    def PurgeDeadLetters(
        self, request: service_pb2.PurgeDeadLettersRequest, context: grpc.ServicerContext
    ) -> service_pb2.PurgeDeadLettersResponse:
        """Remove the letters that match."""
        self._take(request, context)
        letters = [letter for letter in self.dead_letters if _matches(request.filter, letter)]
        for letter in letters:
            self.dead_letters.remove(letter)
        self._lose("PurgeDeadLetters", context)
        return service_pb2.PurgeDeadLettersResponse(purged_count=len(letters))

    def _replay(self, job: job_pb2.Job) -> None:
        """Start another run of an ended job."""
        self.put(job_message(job.id, seq=job.seq + 1, run=job.run + 1))

    def _page(self, items: Sequence[Item], size: int, token: str) -> tuple[Sequence[Item], str]:
        """A page, and the token of the next one."""
        begin = int(token or 0)
        end = begin + (self.page_sizes.popleft() if self.page_sizes else size or 50)
        return items[begin:end], str(end) if end < len(items) else ""

    def _lose(self, rpc: str, context: grpc.ServicerContext) -> None:
        """Lose the answer of a call that was carried out, if that is scripted."""
        if self.lost_answers[rpc]:
            self.lost_answers[rpc] -= 1
            refuse(Refuse(grpc.StatusCode.UNAVAILABLE, "lost"), context)

    def _take(self, request: Message, context: grpc.ServicerContext) -> None:
        """Note a request, and let it meet the fault that is scripted for it."""
        self.metadata.append(dict(context.invocation_metadata()))
        seconds = context.time_remaining()
        self.seconds_given.append(math.inf if seconds is None else seconds)
        self.requests.append(request)
        with self._changed:
            self.open_calls += 1
        if not context.add_callback(self._end):
            self._end()
        faults = self.faults[type(request).__name__.removesuffix("Request")]
        match faults.popleft() if faults else None:
            case Stall():
                stall(context)
            case Refuse() as refusal:
                refuse(refusal, context)

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
            refuse(Refuse(grpc.StatusCode.NOT_FOUND, f"There is no job {job_id}.", "JOB_NOT_FOUND"), context)
        return self.jobs[job_id]

    def _play(self, script: Sequence[Step], context: grpc.ServicerContext) -> Iterator[service_pb2.WatchStatusResponse]:
        """Do the steps of a script."""
        for step in script:
            match step:
                case Send(job):
                    yield service_pb2.WatchStatusResponse(job=job)
                case Beat():
                    yield service_pb2.WatchStatusResponse(heartbeat=service_pb2.Heartbeat(time=EPOCH))
                case Pause(seconds):
                    time.sleep(seconds)
                case Stall():
                    stall(context)
                case Refuse():
                    refuse(step, context)


def _source(request: service_pb2.SubmitPDFRequest) -> job_pb2.Source:
    """What was submitted."""
    if request.WhichOneof("source") == "url":
        return job_pb2.Source(url=request.url)
    return job_pb2.Source(
        upload=job_pb2.Upload(filename=request.filename, size_bytes=len(request.content), sha256="0" * 64)
    )


def _lists(request: service_pb2.ListJobsRequest, job: job_pb2.Job) -> bool:
    """Whether a job is asked for."""
    created = job.create_time.ToNanoseconds()
    return (
        (not request.states or job.state in request.states)
        and request.labels.items() <= job.labels.items()
        and (not request.HasField("create_time_from") or created >= request.create_time_from.ToNanoseconds())
        and (not request.HasField("create_time_before") or created < request.create_time_before.ToNanoseconds())
    )


def _matches(wanted: service_pb2.DeadLetterFilter, letter: service_pb2.DeadLetter) -> bool:
    """Whether a dead letter is meant."""
    return (
        wanted.queue in ("", letter.queue)
        and wanted.reason in ("", letter.reason)
        and (not wanted.HasField("time_before") or letter.time.ToNanoseconds() < wanted.time_before.ToNanoseconds())
    )
