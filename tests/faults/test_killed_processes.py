"""kill -9 of each process of the gateway, under load: nothing is lost, nothing ends twice, and it heals."""

import random
import time
from collections.abc import Callable

import psutil
import pytest

from pdfgateway import JobState, PDFGatewayClient
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway
from tests.faults import injuries
from tests.faults.conftest import Judge, NoteFigure, StartLoad, count
from tests.faults.injuries import until
from tests.origin import Origin

WARM_JOBS = 8

Injure = Callable[[RunningGateway, random.Random], None]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("injure", "seconds_max"),
    [
        pytest.param(injuries.kill_consumer, 10, id="consumer"),
        pytest.param(injuries.kill_ingress, 30, id="ingress"),
        pytest.param(injuries.kill_reading_process, 10, id="reading process"),
        pytest.param(injuries.kill_zygote, 10, id="zygote"),
        pytest.param(injuries.kill_haproxy, 30, id="HAProxy"),
        pytest.param(injuries.kill_proxy_actor, 30, id="proxy actor", marks=pytest.mark.long),
        pytest.param(injuries.kill_controller, 10, id="controller"),
    ],
)
def test_a_killed_process_loses_no_job_and_no_watch(
    fragile: RunningGateway,
    load: StartLoad,
    judge: Judge,
    figure: NoteFigure,
    request: pytest.FixtureRequest,
    injure: Injure,
    seconds_max: float,
) -> None:
    """Every accepted job ends once, as it is to; every watch sees it; and new jobs succeed again within the bound."""
    name = request.node.callspec.id
    chance = random.Random(name)
    slowest = 0.0
    with load() as callers:
        for _ in range(count(1, 5)):
            known = callers.accepted
            until(lambda known=known: callers.accepted >= known + WARM_JOBS, 60)
            injure(fragile, chance)
            slowest = max(slowest, callers.probe(120))
    judge(callers)
    figure(f"kill -9 of {name}: a new job has succeeded after", slowest, seconds_max)


@pytest.mark.timeout(600)
def test_a_killed_consumers_job_runs_elsewhere(
    fragile: RunningGateway, client: PDFGatewayClient, origin: Origin, figure: NoteFigure
) -> None:
    """kill -9 in the middle of a job, again and again: the job runs on elsewhere within 45 s, and ends once."""
    body = pdfs.prose(20)
    slowest = 0.0
    for number in range(count(1, 10)):
        path = f"/killed-{number}.pdf"
        until(lambda: len(fragile.replicas("PDFProcessor")) == 2, 60)
        job = client.submit(origin.silent(path))
        until(lambda job=job: client.status(job.id).state is JobState.RUNNING, 60)
        until(lambda path=path: any(request.target == path for request in origin.requests), 10)
        origin.serve(path, body)
        fetches = sum(request.target == path for request in origin.requests)
        next(replica for replica in fragile.replicas("PDFProcessor") if holds(replica.pid, origin)).kill()
        again = until(lambda path=path, fetches=fetches: sum(r.target == path for r in origin.requests) > fetches, 45)
        slowest = max(slowest, again)
        done = client.wait(job.id, timeout_seconds=60)
        assert (done.state, done.attempt) == (JobState.SUCCEEDED, 2)
    figure("P6 kill -9 of a consumer: its job runs elsewhere after", slowest, 45)


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


@pytest.mark.timeout(300)
def test_a_crashed_reader_costs_an_attempt_and_no_consumer(fragile: RunningGateway, client: PDFGatewayClient) -> None:
    """SIGKILL of the process that reads a PDF: its consumer lives on, and the next attempt succeeds."""
    until(lambda: len(fragile.replicas("PDFProcessor")) == 2, 60)
    consumers = {replica.pid for replica in fragile.replicas("PDFProcessor")}
    job = client.submit(pdfs.prose(800))
    injuries.kill_reading_process(fragile, random.Random(0))
    done = client.wait(job.id, timeout_seconds=60)
    assert (done.state, done.attempt) == (JobState.SUCCEEDED, 2)
    assert done.last_error is not None
    assert done.last_error.reason == "PARSER_CRASHED"
    assert {replica.pid for replica in fragile.replicas("PDFProcessor")} == consumers


@pytest.mark.timeout(300)
def test_a_consumer_that_takes_nothing_is_replaced(
    fragile: RunningGateway, client: PDFGatewayClient, figure: NoteFigure
) -> None:
    """Its Celery thread has ended and its process lives: Serve's health check finds it out within 45 s."""
    until(lambda: len(fragile.replicas("PDFProcessor")) == 2, 60)
    deaf = fragile.replicas("PDFProcessor")[0]
    injuries.end_celery_thread(fragile, deaf)

    def is_replaced() -> bool:
        consumers = {replica.pid for replica in fragile.replicas("PDFProcessor")}
        return deaf.pid not in consumers and len(consumers) == 2

    figure("P9 a consumer whose thread has ended: replaced after", until(is_replaced, 120), 45)
    assert client.wait(client.submit(pdfs.prose(1)).id, timeout_seconds=60).state is JobState.SUCCEEDED


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_frozen_consumer_ends_nothing_twice(fragile: RunningGateway, load: StartLoad, judge: Judge) -> None:
    """SIGSTOP for longer than its leases last, and on again: what it held ends once, elsewhere or by it."""
    with load() as callers:
        until(lambda: callers.accepted >= WARM_JOBS, 60)
        injuries.freeze_consumer(fragile, random.Random(0))
        callers.probe(60)
    judge(callers)


@pytest.mark.timeout(300)
def test_a_killed_controller_is_replaced_and_heals_again(
    fragile: RunningGateway, client: PDFGatewayClient, figure: NoteFigure
) -> None:
    """Without the controller jobs go on; a consumer that is killed meanwhile is replaced within 60 s."""
    until(lambda: len(fragile.replicas("PDFProcessor")) == 2, 60)
    injuries.kill_controller(fragile, random.Random(0))
    assert client.wait(client.submit(pdfs.prose(1)).id, timeout_seconds=60).state is JobState.SUCCEEDED
    injuries.kill_consumer(fragile, random.Random(0))
    healed = until(lambda: len(fragile.replicas("PDFProcessor")) == 2, 120)
    figure("controller and a consumer killed: both consumers are there after", healed, 60)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_gateway_that_is_killed_whole_goes_on_where_it_was(
    fragile: RunningGateway, load: StartLoad, judge: Judge, figure: NoteFigure
) -> None:
    """kill -9 of all processes but Valkey, and a new start: no accepted job is lost, and watches come back."""
    with load() as callers:
        until(lambda: callers.accepted >= WARM_JOBS, 60)
        injuries.kill_head(fragile)
        begin = time.monotonic()
        fragile.start_again()
        callers.probe(120)
        seconds = time.monotonic() - begin
    judge(callers)
    figure("whole gateway killed and started again: a new job has succeeded after", seconds, 120)
