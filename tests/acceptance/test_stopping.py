"""A gateway that is told to stop: watches end in a way to come back, no job is lost, and nothing is left running."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import grpc
import psutil
import pytest
import requests
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pdfgateway import JobState, PDFGatewayClient
from pdfgateway.rpc_errors import error_from_rpc
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway, running_gateway
from tests.origin import Origin

ENDED_SECONDS_MAX = 18
"""Less than the 20 s after which Serve kills a replica that still has something open."""
STOPPED_SECONDS_MAX = 45
QUIET_SECONDS = 300
"""How long what is open may be silent: longer than the test."""
DELETE = "import ray, sys; from ray import serve; ray.init(sys.argv[1]); serve.delete('pdfgateway')"
STREAMS = {
    "WatchStatus": "UNAVAILABLE GATEWAY_STOPPING",
    "Health/Watch": "UNAVAILABLE GATEWAY_STOPPING",
    "events": "end of the stream",
}
"""What stays open and says at once that it is, and how it ends when the gateway stops."""
LONG_POLLS = {"GetStatus with wait": "OK", "?wait": "200"}
"""What stays open and says nothing before its end."""


@pytest.fixture(scope="module")
def own_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway whose consumers finish what takes a second, and hand back the rest."""
    with running_gateway(tmp_path_factory.mktemp("stopping"), stop_seconds_max="1") as running:
        yield running


@pytest.fixture
def stopping(own_gateway: RunningGateway) -> RunningGateway:
    """That gateway while it runs."""
    if own_gateway.process.poll() is not None:
        own_gateway.start_again()
    return own_gateway


def until(condition: Callable[[], bool], seconds_max: float) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds_max} s"
        time.sleep(0.05)


class Watching:
    """All of `STREAMS` and `LONG_POLLS` on one job, each in a thread of its own."""

    def __init__(self, gateway: RunningGateway, job_id: str) -> None:
        self._gateway = gateway
        self._job_id = job_id
        names = (*STREAMS, *LONG_POLLS)
        self._pool = ThreadPoolExecutor(len(names))
        self._opened = threading.Semaphore(0)
        ways = (self._watch, self._watch_health, self._read_events, self._get_status, self._poll)
        self._endings: dict[str, Future[str]] = {
            name: self._pool.submit(way) for name, way in zip(names, ways, strict=True)
        }
        for _ in STREAMS:
            assert self._opened.acquire(timeout=30)

    def endings(self, seconds_max: float) -> dict[str, str]:
        """How each has ended."""
        deadline = time.monotonic() + seconds_max
        return {name: one.result(deadline - time.monotonic()) for name, one in self._endings.items()}

    def _watch(self) -> str:
        with grpc.insecure_channel(self._gateway.grpc_address) as channel:
            request = pb.WatchStatusRequest(job_id=self._job_id)
            return self._exhaust(PDFGatewayServiceStub(channel).WatchStatus(request, timeout=QUIET_SECONDS))

    def _watch_health(self) -> str:
        with grpc.insecure_channel(self._gateway.grpc_address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest()
            return self._exhaust(health.Watch(request, timeout=QUIET_SECONDS))  # type: ignore[attr-defined]  # its stubs lack the methods

    def _exhaust(self, call: Iterator[object]) -> str:
        try:
            next(call)
            self._opened.release()
            for _ in call:
                pass
        except grpc.RpcError as error:
            return f"{error.code().name} {error_from_rpc(error, 'here').reason}"
        return "OK"

    def _read_events(self) -> str:
        url = f"{self._gateway.http_url}/v1/jobs/{self._job_id}/events"
        with requests.get(url, stream=True, timeout=QUIET_SECONDS) as events:
            lines = events.iter_lines()
            next(lines)
            self._opened.release()
            for _ in lines:  # raises where the stream is cut
                pass
        return "end of the stream"

    def _get_status(self) -> str:
        with grpc.insecure_channel(self._gateway.grpc_address) as channel:
            request = pb.GetStatusRequest(job_id=self._job_id, wait=Duration(seconds=60))
            try:
                PDFGatewayServiceStub(channel).GetStatus(request, timeout=QUIET_SECONDS)
            except grpc.RpcError as error:
                return str(error.code().name)
        return "OK"

    def _poll(self) -> str:
        url = f"{self._gateway.http_url}/v1/jobs/{self._job_id}?wait=60s"
        return str(requests.get(url, timeout=QUIET_SECONDS).status_code)


class Asking:
    """Asks for a job over both protocols, on new connections, as long as the block lasts; and keeps what it heard."""

    def __init__(self, gateway: RunningGateway, job_id: str) -> None:
        self.heard: set[str] = set()
        self._gateway = gateway
        self._job_id = job_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            with grpc.insecure_channel(self._gateway.grpc_address) as channel:
                try:
                    PDFGatewayServiceStub(channel).GetStatus(pb.GetStatusRequest(job_id=self._job_id), timeout=20)
                    self.heard.add("OK")
                except grpc.RpcError as error:
                    self.heard.add(error.code().name)
            with contextlib.suppress(requests.RequestException):
                answer = requests.get(f"{self._gateway.http_url}/v1/jobs/{self._job_id}", timeout=20)
                self.heard.add(str(answer.status_code))


def running_job(gateway: RunningGateway, source: str) -> str:
    """The id of a job that is worked on."""
    with PDFGatewayClient(gateway.grpc_address) as client:
        job_id = client.submit(source).id
        until(lambda: client.status(job_id).state is JobState.RUNNING, 60)
    return job_id


def assert_stopped(gateway: RunningGateway, processes: list[psutil.Process]) -> None:
    """The gateway has ended well, and all that it had started has ended too."""
    assert gateway.process.wait(STOPPED_SECONDS_MAX) == 0
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive


def delete_application(processes: list[psutil.Process]) -> None:
    """`serve.delete`, as an operator does it from outside."""
    raylet = next(process for process in processes if process.name() == "raylet")
    head = next(word.removeprefix("--gcs-address=") for word in raylet.cmdline() if word.startswith("--gcs-address="))
    # Ray's processes want a token if there is one on this machine; who joins them has to know.
    token = {name: value for name, value in raylet.environ().items() if name.startswith("RAY_AUTH")}
    subprocess.run([sys.executable, "-c", DELETE, head], env={**os.environ, **token}, capture_output=True, check=True)


@pytest.mark.timeout(300)
def test_a_stop_ends_all_watches_and_loses_no_job(stopping: RunningGateway, origin: Origin) -> None:
    """Watches end by codes to come back after, and no call is told that there is no such job.

    The job in hand goes back to the queue at no cost, and ends once when the gateway is started again.
    """
    job_id = running_job(stopping, origin.silent("/long.pdf"))
    watching, processes = Watching(stopping, job_id), stopping.processes()
    with Asking(stopping, job_id) as asking:
        stopping.process.send_signal(signal.SIGTERM)
        assert watching.endings(ENDED_SECONDS_MAX) == STREAMS | LONG_POLLS
        assert_stopped(stopping, processes)
    assert {"OK", "200"} < asking.heard
    # 500 and UNKNOWN are the front's, for the moment that it outlives the ingress.
    assert asking.heard <= {"OK", "UNAVAILABLE", "UNKNOWN", "200", "500"}
    origin.serve("/long.pdf", pdfs.prose(3))
    stopping.start_again()
    with PDFGatewayClient(stopping.grpc_address) as client:
        job = client.wait(job_id, timeout_seconds=60)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)


@pytest.mark.timeout(300)
def test_a_frozen_redis_does_not_hold_up_a_stop(stopping: RunningGateway, origin: Origin) -> None:
    """Neither Serve's own, as each scale-down, redeploy and `serve.delete` is one, nor Ctrl-C in a terminal."""
    job_id = running_job(stopping, origin.silent("/held.pdf"))
    watching, processes = Watching(stopping, job_id), stopping.processes()
    pid = stopping.valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        delete_application(processes)
        # Long polls that Redis had not answered yet when it froze were refused as ever.
        assert STREAMS.items() <= watching.endings(ENDED_SECONDS_MAX).items()
        os.killpg(stopping.process.pid, signal.SIGINT)
        assert_stopped(stopping, processes)
    finally:
        os.kill(pid, signal.SIGCONT)
