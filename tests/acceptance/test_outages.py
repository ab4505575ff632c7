"""Redis stopped and frozen, consumers killed: nothing is lost, nothing ends twice, and nobody waits in vain.

The counts are small for everyday runs. OUTAGE_SECONDS=20 CONSUMER_KILLS=10 in the environment make them large.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import grpc
import psutil
import pytest
import requests

from pdfgateway import Job, JobState, PDFGatewayClient, PDFGatewayError
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway, running_gateway
from tests.origin import Origin

OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "5"))
CONSUMER_KILLS = int(os.environ.get("CONSUMER_KILLS", "2"))
ANSWER_SECONDS_MAX = 2


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that these tests may hurt, with more attempts than they cost."""
    with running_gateway(tmp_path_factory.mktemp("fragile"), attempts_max="20") as running:
        yield running


@pytest.fixture
def client(fragile: RunningGateway) -> Iterator[PDFGatewayClient]:
    """The Python client of that gateway."""
    with PDFGatewayClient(fragile.grpc_address) as client:
        yield client


def until(condition: Callable[[], bool], seconds_max: float) -> float:
    """Wait for a condition; how long it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds_max, f"not within {seconds_max} s"
        time.sleep(0.05)
    return time.monotonic() - start


def assert_unavailable(gateway: RunningGateway) -> None:
    """Submit and status are refused on both protocols, in time, with the reason that tells to come again."""
    unknown = "00000000-0000-4000-8000-000000000000"
    with grpc.insecure_channel(gateway.grpc_address) as channel:
        stub = PDFGatewayServiceStub(channel)
        for call in (
            lambda: stub.SubmitPDF(pb.SubmitPDFRequest(url="https://example.com/a.pdf"), timeout=20),
            lambda: stub.GetStatus(pb.GetStatusRequest(job_id=unknown), timeout=20),
            lambda: stub.CancelJob(pb.CancelJobRequest(job_id=unknown), timeout=20),
            lambda: list(stub.WatchStatus(pb.WatchStatusRequest(job_id=unknown), timeout=20)),
        ):
            start = time.monotonic()
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            assert time.monotonic() - start < ANSWER_SECONDS_MAX
    for method, path, body in (
        ("POST", "/v1/jobs", {"url": "https://example.com/a.pdf"}),
        ("GET", f"/v1/jobs/{unknown}", None),
        ("GET", "/readyz", None),
    ):
        start = time.monotonic()
        answer = requests.request(method, gateway.http_url + path, json=body, timeout=20)
        assert answer.status_code == 503, answer.text
        assert time.monotonic() - start < ANSWER_SECONDS_MAX
        if path != "/readyz":
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["reason"] == "STORE_UNAVAILABLE"


@pytest.mark.timeout(180)
def test_a_frozen_redis_is_told_in_time_and_a_thawed_one_serves_again(
    fragile: RunningGateway, client: PDFGatewayClient
) -> None:
    """UNAVAILABLE and 503 within 2 s, never a hang; then it goes on."""
    pid = fragile.valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        assert_unavailable(fragile)
    finally:
        os.kill(pid, signal.SIGCONT)
    job = client.submit(pdfs.prose(2))
    assert client.wait(job.id, timeout_seconds=60).state is JobState.SUCCEEDED


class Load:
    """Submits jobs without a pause until it is told to stop, and keeps what was accepted."""

    def __init__(self, gateway: RunningGateway, source: bytes) -> None:
        self.accepted: list[Job] = []
        self._gateway = gateway
        self._source = source
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with PDFGatewayClient(self._gateway.grpc_address) as client:
            while not self._stop.wait(0.02):
                try:
                    self.accepted.append(client.submit(self._source))
                except PDFGatewayError:
                    continue


def ends(gateway: RunningGateway, jobs: list[Job], seconds_max: float) -> Counter[str]:
    """How the jobs end."""
    deadline = time.monotonic() + seconds_max
    with PDFGatewayClient(gateway.grpc_address) as client:
        return Counter(
            client.wait(job.id, timeout_seconds=max(1, deadline - time.monotonic())).state.value for job in jobs
        )


@pytest.mark.timeout(300)
def test_a_stopped_redis_loses_no_job(fragile: RunningGateway, client: PDFGatewayClient) -> None:
    """Stopped under load and started again: every accepted job succeeds, once, and consumers work again in 15 s."""
    with Load(fragile, pdfs.prose(20)) as load:
        until(lambda: len(load.accepted) >= 100, 60)
        fragile.valkey.stop()
        assert_unavailable(fragile)
        time.sleep(OUTAGE_SECONDS)  # the outage itself
        fragile.valkey.start()
        back = time.monotonic()
        before = len(load.accepted)
        until(lambda: len(load.accepted) > before, 15)
    probe = load.accepted[-1]
    assert client.wait(probe.id, timeout_seconds=90).state is JobState.SUCCEEDED
    print(f"\nconsumers at work again after {time.monotonic() - back:.1f} s; {len(load.accepted)} jobs accepted")
    assert ends(fragile, load.accepted, 120) == {"SUCCEEDED": len(load.accepted)}


@pytest.mark.timeout(600)
def test_a_killed_consumers_job_runs_elsewhere(
    fragile: RunningGateway, client: PDFGatewayClient, origin: Origin
) -> None:
    """kill -9 in the middle of a job, again and again: the job runs on elsewhere within 45 s, and ends once."""
    body = pdfs.prose(20)
    for number in range(CONSUMER_KILLS):
        path = f"/killed-{number}.pdf"
        job = client.submit(origin.silent(path))
        others = [client.submit(pdfs.prose(3)) for _ in range(5)]
        until(lambda job=job: client.status(job.id).state is JobState.RUNNING, 60)
        until(lambda path=path: any(request.target == path for request in origin.requests), 10)
        origin.serve(path, body)
        fetches = sum(request.target == path for request in origin.requests)
        replicas = fragile.replicas("PDFProcessor")
        victim = next(replica for replica in replicas if holds(replica.pid, origin))
        victim.kill()
        again = until(lambda path=path, fetches=fetches: sum(r.target == path for r in origin.requests) > fetches, 45)
        done = client.wait(job.id, timeout_seconds=60)
        print(f"\nkill {number + 1}: running elsewhere after {again:.1f} s")
        assert (done.state, done.attempt) == (JobState.SUCCEEDED, 2)
        assert ends(fragile, others, 120) == {"SUCCEEDED": 5}
        until(lambda: len(fragile.replicas("PDFProcessor")) == 2, 60)


def holds(pid: int, origin: Origin) -> bool:
    """Whether a process has a connection to the origin."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    return any(
        connection.raddr and connection.raddr.port == origin.port
        for connection in connections
        if connection.status == psutil.CONN_ESTABLISHED
    )
