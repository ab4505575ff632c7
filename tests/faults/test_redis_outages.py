"""Redis killed, stopped, frozen and cut off under load: nothing is lost or ends twice, and nobody waits in vain."""

import random
import threading
import time

import grpc
import pytest
import requests

from pdfgateway import JobState, PDFGatewayClient
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway
from tests.faults import injuries
from tests.faults.conftest import Judge, NoteFigure, StartLoad, count
from tests.faults.injuries import until
from tests.faults.test_killed_processes import Injure

ANSWER_SECONDS_MAX = 2
WARM_JOBS = 10


def assert_unavailable(gateway: RunningGateway) -> float:
    """Each call is refused on both protocols, in time, with the reason that tells to come again; the slowest answer."""
    unknown = "00000000-0000-4000-8000-000000000000"
    slowest = 0.0
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
            slowest = max(slowest, time.monotonic() - start)
    for method, path, body in (
        ("POST", "/v1/jobs", {"url": "https://example.com/a.pdf"}),
        ("GET", f"/v1/jobs/{unknown}", None),
        ("GET", "/readyz", None),
    ):
        start = time.monotonic()
        answer = requests.request(method, gateway.http_url + path, json=body, timeout=20)
        slowest = max(slowest, time.monotonic() - start)
        assert answer.status_code == 503, answer.text
        if path != "/readyz":
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["reason"] == "STORE_UNAVAILABLE"
    return slowest


@pytest.mark.timeout(300)
def test_a_frozen_redis_is_told_in_time_and_a_thawed_one_serves_again(
    fragile: RunningGateway, client: PDFGatewayClient, figure: NoteFigure
) -> None:
    """UNAVAILABLE and 503 within 2 s, never a hang; then it goes on."""
    with injuries.frozen(fragile.valkey.pid):
        slowest = assert_unavailable(fragile)
    assert client.wait(client.submit(pdfs.prose(2)).id, timeout_seconds=60).state is JobState.SUCCEEDED
    figure("P10 Redis frozen: the slowest refusal", slowest, ANSWER_SECONDS_MAX)


@pytest.mark.timeout(300)
def test_a_stopped_redis_loses_no_job(
    fragile: RunningGateway, load: StartLoad, judge: Judge, figure: NoteFigure
) -> None:
    """Stopped under load and started again: calls are refused in time, and consumers work again within 15 s."""
    with load(8) as callers:
        until(lambda: callers.accepted >= WARM_JOBS, 60)
        fragile.valkey.stop()
        slowest = assert_unavailable(fragile)
        threading.Event().wait(count(1, 60))  # the outage itself
        fragile.valkey.start()
        back = callers.probe(60)
    judge(callers)
    figure("P10 Redis refuses connections: the slowest refusal", slowest, ANSWER_SECONDS_MAX)
    figure(f"P8 Redis back after {count(1, 60)} s: a new job has succeeded after", back, 15)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("injure", "seconds_max"),
    [
        pytest.param(injuries.kill_valkey, 15, id="kill -9 of Redis"),
        pytest.param(injuries.restart_valkey, 15, id="restart of Redis", marks=pytest.mark.long),
        pytest.param(injuries.freeze_valkey, 15, id="Redis frozen for seconds", marks=pytest.mark.long),
        pytest.param(injuries.cut_connections, 10, id="all connections to Redis cut"),
    ],
)
def test_an_outage_of_redis_loses_no_job_and_no_watch(
    fragile: RunningGateway,
    load: StartLoad,
    judge: Judge,
    figure: NoteFigure,
    request: pytest.FixtureRequest,
    injure: Injure,
    seconds_max: float,
) -> None:
    """With work in hand, again and again: accepted jobs end once, watches see it, and consumers are the same ones."""
    name = request.node.callspec.id
    chance = random.Random(name)
    until(lambda: len(fragile.replicas("PDFProcessor")) == 2, 60)
    consumers = {replica.pid for replica in fragile.replicas("PDFProcessor")}
    slowest = 0.0
    with load(8) as callers:
        for _ in range(count(1, 10)):
            known = callers.accepted
            until(lambda known=known: callers.accepted >= known + WARM_JOBS, 60)
            injure(fragile, chance)
            slowest = max(slowest, callers.probe(60))
    judge(callers)
    assert {replica.pid for replica in fragile.replicas("PDFProcessor")} == consumers
    figure(f"{name}: a new job has succeeded after", slowest, seconds_max)
