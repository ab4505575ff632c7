"""Consumers come and go with the load: at no cost to a job, and whether or not Redis answers.

The counts are small for everyday runs. SCALE_STEPS="2 1 3 1 0" SCALE_JOBS=60 SCALE_JOB_SECONDS=20 in the
environment make them large.
"""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from redis import Redis

from pdfgateway import Job, JobState, PDFGatewayClient
from tests import pdfs
from tests.acceptance.gateway_process import STOP_SECONDS_MAX, RunningGateway, running_gateway
from tests.origin import Origin

STEPS = [int(replicas) for replicas in os.environ.get("SCALE_STEPS", "3 1").split()]
"""The numbers of consumers to be seen, one after the other."""
JOBS_MIN = int(os.environ.get("SCALE_JOBS", "12"))
JOB_SECONDS = float(os.environ.get("SCALE_JOB_SECONDS", "4"))

REPLICAS_MAX = 3
CONCURRENCY = 2
STOP_SECONDS = 1
"""For a stop of the whole gateway; less than a job takes."""
FROZEN_SECONDS = 3
"""How long Redis has been frozen when a consumer is killed."""
REPLACED_SECONDS_MAX = 30
"""Less than a policy that waits for Redis would hold Serve up."""
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
    """The Python client."""
    with PDFGatewayClient(gateway.grpc_address) as client:
        yield client


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A local origin."""
    with Origin() as origin:
        yield origin


def until(condition: Callable[[], bool], seconds_max: float) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds_max} s"
        time.sleep(0.1)


def consumers(gateway: RunningGateway) -> int:
    """The consumers whose processes live, those that are stopping included."""
    return len(gateway.replicas("PDFProcessor"))


class Load:
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
def test_a_job_brings_the_first_consumer(gateway: RunningGateway, client: PDFGatewayClient) -> None:
    """A gateway without consumers is ready, accepts a job, and starts a consumer for it."""
    assert consumers(gateway) == 0
    assert requests.get(gateway.http_url + "/readyz", timeout=20).status_code == 200
    job = client.submit(BODY)
    assert client.wait(job.id, timeout_seconds=120).state is JobState.SUCCEEDED


@pytest.mark.timeout(300)
def test_a_frozen_redis_does_not_hold_serve_up(gateway: RunningGateway, client: PDFGatewayClient) -> None:
    """While Redis does not answer, a consumer that dies is replaced as ever, and their number stays."""
    client.wait(client.submit(BODY).id, timeout_seconds=120)
    [consumer] = gateway.replicas("PDFProcessor")
    assert gateway.valkey.pid is not None
    os.kill(gateway.valkey.pid, signal.SIGSTOP)
    try:
        time.sleep(FROZEN_SECONDS)  # the outage itself
        consumer.kill()
        until(
            lambda: [one.pid for one in gateway.replicas("PDFProcessor")] not in ([], [consumer.pid]),
            REPLACED_SECONDS_MAX,
        )
        assert consumers(gateway) == 1
    finally:
        os.kill(gateway.valkey.pid, signal.SIGCONT)
    job = client.submit(BODY)
    assert client.wait(job.id, timeout_seconds=120).state is JobState.SUCCEEDED


@pytest.mark.timeout(1800)
def test_consumers_follow_the_load_and_no_job_is_cut(
    gateway: RunningGateway, client: PDFGatewayClient, origin: Origin
) -> None:
    """Up at once and down after a while, jobs going on all the time: each is fetched once, and succeeds by that."""
    began = time.monotonic()
    load = Load(client, origin)
    for step in STEPS:

        def reached(step: int = step) -> bool:
            load.keep(step * CONCURRENCY)
            return consumers(gateway) == step and (step < max(STEPS) or load.submitted >= JOBS_MIN)

        until(reached, STEP_SECONDS_MAX)
        print(f"\n{step} consumers after {time.monotonic() - began:.0f} s")  # noqa: T201  (what a long run is run for)
    load.finish()
    print(f"{load.submitted} jobs in {time.monotonic() - began:.0f} s")  # noqa: T201  (as above)
    assert load.submitted >= JOBS_MIN
    assert Counter((job.state, job.attempt) for job in load.ended) == {(JobState.SUCCEEDED, 1): load.submitted}
    assert Counter(request.target for request in origin.requests) == {
        f"/{number}.pdf": 1 for number in range(load.submitted)
    }


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
