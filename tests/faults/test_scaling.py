"""Consumers come and go with the load: at no cost to a job, and whether or not Redis answers."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from redis import Redis

from pdfgateway import Job, JobState, PDFGatewayClient
from tests import pdfs
from tests.acceptance.gateway_process import STOP_SECONDS_MAX, RunningGateway, running_gateway
from tests.faults.conftest import ALL_FAULTS, NoteFigure, count
from tests.faults.injuries import until
from tests.origin import Origin

STEPS = (2, 1, 3, 1, 0) if ALL_FAULTS else (3, 1)
"""The numbers of consumers to be seen, one after the other."""
JOBS_MIN = count(12, 60)
JOB_SECONDS = count(4, 20)

REPLICAS_MAX = 3
CONCURRENCY = 2
STOP_SECONDS = 1
"""For a stop of the whole gateway; less than a job takes."""
FROZEN_SECONDS = 3
"""How long Redis has been frozen when a consumer is killed."""
REPLACED_SECONDS_MAX = 30
"""Less than a policy that waits for Redis would hold Serve up."""
FIRST_SECONDS_MAX = 60
STEP_SECONDS_MAX = 300
BODY = pdfs.prose(1)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that has as many consumers as its jobs need: at first none."""
    with running_gateway(
        tmp_path_factory.mktemp("scaling"),
        worker_replicas="0",
        worker_replicas_max=str(REPLICAS_MAX),
        worker_concurrency=str(CONCURRENCY),
        stop_seconds_max=str(STOP_SECONDS),
    ) as running:
        yield running


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[PDFGatewayClient]:
    """The Python client of that gateway."""
    with PDFGatewayClient(gateway.grpc_address) as client:
        yield client


def consumers(gateway: RunningGateway) -> int:
    """The consumers whose processes live, those that are stopping included."""
    return len(gateway.replicas("PDFProcessor"))


class SteadyLoad:
    """Keeps a number of jobs going, each of which takes JOB_SECONDS."""

    def __init__(self, client: PDFGatewayClient, origin: Origin) -> None:
        self._client = client
        self._origin = origin
        self._going: list[str] = []
        self.ended: list[Job] = []

    @property
    def submitted(self) -> int:
        """Jobs submitted so far."""
        return len(self._going) + len(self.ended)

    def keep(self, going: int) -> None:
        """Submit as many jobs as are missing."""
        for job_id in list(self._going):
            job = self._client.status(job_id)
            if job.state.is_terminal:
                self._going.remove(job_id)
                self.ended.append(job)
        while len(self._going) < going:
            self._going.append(self._client.submit(self._slow_url(f"/{self.submitted}.pdf")).id)

    def finish(self) -> None:
        """Wait until all have ended."""
        self.ended += [self._client.wait(job_id, timeout_seconds=STEP_SECONDS_MAX) for job_id in self._going]
        self._going.clear()

    def _slow_url(self, path: str) -> str:
        def behave(request: Any) -> None:
            request.begin(200, "application/pdf", Content_Length=str(len(BODY)))
            request.wfile.write(BODY[:1024])
            self._origin.closing.wait(JOB_SECONDS)
            request.wfile.write(BODY[1024:])

        return self._origin.script(path, behave)


@pytest.mark.timeout(300)
def test_a_job_brings_the_first_consumer(gateway: RunningGateway, client: PDFGatewayClient, figure: NoteFigure) -> None:
    """A gateway without consumers is ready, accepts a job, and starts a consumer for it."""
    assert consumers(gateway) == 0
    assert requests.get(gateway.http_url + "/readyz", timeout=20).status_code == 200
    began = time.monotonic()
    job = client.submit(BODY)
    assert client.wait(job.id, timeout_seconds=120).state is JobState.SUCCEEDED
    figure("no consumer is kept: the first job has succeeded after", time.monotonic() - began, FIRST_SECONDS_MAX)


@pytest.mark.timeout(300)
def test_a_frozen_redis_does_not_hold_serve_up(
    gateway: RunningGateway, client: PDFGatewayClient, figure: NoteFigure
) -> None:
    """While Redis does not answer, a consumer that dies is replaced as ever, and their number stays."""
    client.wait(client.submit(BODY).id, timeout_seconds=120)
    [consumer] = gateway.replicas("PDFProcessor")
    assert gateway.valkey.pid is not None
    os.kill(gateway.valkey.pid, signal.SIGSTOP)
    try:
        time.sleep(FROZEN_SECONDS)  # the outage itself
        consumer.kill()
        seconds = until(
            lambda: bool(gateway.replicas("PDFProcessor")) and not consumer.is_running(), 2 * REPLACED_SECONDS_MAX
        )
        assert consumers(gateway) == 1
    finally:
        os.kill(gateway.valkey.pid, signal.SIGCONT)
    figure("Redis frozen: a killed consumer is replaced after", seconds, REPLACED_SECONDS_MAX)
    job = client.submit(BODY)
    assert client.wait(job.id, timeout_seconds=120).state is JobState.SUCCEEDED


@pytest.mark.timeout(1800)
def test_consumers_follow_the_load_and_no_job_is_cut(
    gateway: RunningGateway, client: PDFGatewayClient, origin: Origin, figure: NoteFigure
) -> None:
    """Up at once and down after a while, jobs going on all the time: each is fetched once, and succeeds by that."""
    load = SteadyLoad(client, origin)
    for step in STEPS:

        def reached(step: int = step) -> bool:
            load.keep(step * CONCURRENCY)
            return consumers(gateway) == step and (step < max(STEPS) or load.submitted >= JOBS_MIN)

        until(reached, STEP_SECONDS_MAX)
    load.finish()
    assert load.submitted >= JOBS_MIN
    assert Counter((job.state, job.attempt) for job in load.ended) == {(JobState.SUCCEEDED, 1): load.submitted}
    fetches = Counter(request.target for request in origin.requests)
    assert len(fetches) == load.submitted
    steps = ", ".join(map(str, STEPS))
    promise = f"consumers scaled to {steps}: of {load.submitted} jobs of {JOB_SECONDS} s, cut or run twice"
    figure(promise, sum(number > 1 for number in fetches.values()), 0, "jobs")


@pytest.mark.timeout(300)
def test_a_stop_of_all_does_not_wait_for_the_work(
    gateway: RunningGateway, client: PDFGatewayClient, origin: Origin
) -> None:
    """Whoever stops the gateway waits for it: a job that takes long is handed back, at no cost to it."""
    job = client.submit(origin.silent("/long.pdf"))
    until(lambda: client.status(job.id).state is JobState.RUNNING, 120)
    gateway.process.terminate()
    gateway.process.wait(STOP_SECONDS_MAX)
    with Redis(port=gateway.valkey.port) as valkey:
        record = json.loads(valkey.get(f"celery-task-meta-{job.id}") or "")
    assert (record["status"], record["job"]["attempt"]) == ("QUEUED", 0)
