"""Callers that give up, vanish, read slowly, or come all at once."""

import asyncio
import random
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from redis import Redis

from gateway.settings import Settings
from pdfgateway import AsyncPDFGatewayClient, JobState, PDFGatewayClient
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway
from tests.faults import injuries
from tests.faults.conftest import NoteFigure, count
from tests.faults.injuries import until
from tests.origin import Origin
from workers.record.transition import record_key

WATCHERS = 1_000
WATCHED_JOBS = 4
RELEASE_SECONDS_MAX = 25


def subscribers(redis: "Redis[bytes]", job_id: str) -> int:
    """Connections on which Redis tells of a job."""
    ((_, number),) = redis.pubsub_numsub(record_key(job_id))
    return int(number)


@pytest.mark.timeout(300)
def test_a_submission_whose_answer_comes_too_late_is_made_once(
    fragile: RunningGateway, redis: "Redis[bytes]", figure: NoteFigure
) -> None:
    """Deadlines of 1 to 50 ms, then the same request_id again: each request has one job, whether it was answered."""
    content = pdfs.prose(1)
    late = 0
    jobs = set()
    with grpc.insecure_channel(fragile.grpc_address) as channel:
        stub = PDFGatewayServiceStub(channel)
        stub.SubmitPDF(pb.SubmitPDFRequest(content=content, request_id=str(uuid.uuid4())), timeout=20)  # it connects
        before = redis.zcard("pdfgateway:jobs")
        for milliseconds in range(1, 51, count(3, 1)):
            request = pb.SubmitPDFRequest(content=content, request_id=str(uuid.uuid4()))
            first = stub.SubmitPDF.future(request, timeout=milliseconds / 1000)
            assert first.exception() is None or first.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            late += first.exception() is not None
            again = stub.SubmitPDF(request, timeout=20).job.id
            assert first.exception() is not None or first.result().job.id == again
            jobs.add(again)
    assert late, "no deadline was short enough to show anything"
    figure(f"P12 jobs of {len(jobs)} requests, {late} of them answered too late: more than one", 0, 0, "")
    assert redis.zcard("pdfgateway:jobs") - before == len(jobs) == len(range(1, 51, count(3, 1)))


def test_a_watcher_that_leaves_costs_nothing_any_more(
    fragile: RunningGateway, client: PDFGatewayClient, redis: "Redis[bytes]", origin: Origin, figure: NoteFigure
) -> None:
    """A client that ends its watch, or its connection, is unsubscribed within 2 s."""
    job = client.submit(origin.silent("/left.pdf"))
    request = pb.WatchStatusRequest(job_id=job.id)
    slowest = 0.0
    for leave in ("cancel", "close"):
        with grpc.insecure_channel(fragile.grpc_address) as channel:
            watch = PDFGatewayServiceStub(channel).WatchStatus(request)
            next(watch)
            until(lambda: subscribers(redis, job.id) == 1, 10)
            begin = time.monotonic()
            if leave == "cancel":
                watch.cancel()
                until(lambda: subscribers(redis, job.id) == 0, 20)
        until(lambda: subscribers(redis, job.id) == 0, 20)
        slowest = max(slowest, time.monotonic() - begin)
    client.cancel(job.id)
    figure("a watcher left: its subscription has ended after", slowest, 2)


@pytest.mark.timeout(180)
def test_a_watcher_that_does_not_read_gets_the_last_state(fragile: RunningGateway, client: PDFGatewayClient) -> None:
    """Changes that a client does not take are not kept for it: it goes on with the newest, and sees the end."""
    job = client.submit(pdfs.prose(800))
    with grpc.insecure_channel(fragile.grpc_address) as channel:
        watch = PDFGatewayServiceStub(channel).WatchStatus(pb.WatchStatusRequest(job_id=job.id))
        first = next(watch)
        done = client.wait(job.id, timeout_seconds=120)
        seen = [first.job.seq, *(message.job.seq for message in watch if message.HasField("job"))]
    assert seen == sorted(set(seen))
    assert (done.state, seen[-1]) == (JobState.SUCCEEDED, done.seq)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's, when it is imported
def test_no_time_limit_of_serve_cuts_a_watch() -> None:
    """Serve has one time-out for all calls, streams too: it is not set, each call has its own."""
    from gateway.app import grpc_options

    assert grpc_options(Settings()).request_timeout_s is None


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_quiet_watch_is_not_cut(fragile: RunningGateway, client: PDFGatewayClient, origin: Origin) -> None:
    """Heartbeats keep the stream of a job that does not change open for longer than any part's time-out."""
    job = client.submit(origin.serve_in_halves("/quiet.pdf", pdfs.prose(1), 25))
    with grpc.insecure_channel(fragile.grpc_address) as channel:
        watch = PDFGatewayServiceStub(channel).WatchStatus(pb.WatchStatusRequest(job_id=job.id), timeout=120)
        kinds = [message.HasField("job") for message in watch]
    assert kinds.count(False) >= 2, "there were no heartbeats"
    assert client.status(job.id).is_terminal


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_thousand_watchers_come_back_at_once(
    fragile: RunningGateway, client: PDFGatewayClient, redis: "Redis[bytes]", origin: Origin, figure: NoteFigure
) -> None:
    """HAProxy is killed under 1,000 watches: all come back, by one subscription a job, and all see the end."""
    release = threading.Event()

    def answer(request: Any) -> None:
        release.wait(RELEASE_SECONDS_MAX)
        request.answer(200, pdfs.prose(1), "application/pdf")

    jobs = [client.submit(origin.script(f"/crowd-{number}.pdf", answer)) for number in range(WATCHED_JOBS)]
    async with AsyncPDFGatewayClient(fragile.grpc_address) as crowd:
        seen = dict.fromkeys(range(WATCHERS), 0)
        ends: list[JobState] = []

        async def watch(number: int) -> None:
            async for job in crowd.watch(jobs[number % WATCHED_JOBS].id):
                seen[number] += 1
                if job.is_terminal:
                    ends.append(job.state)

        watches = [asyncio.create_task(watch(number)) for number in range(WATCHERS)]
        await until_async(lambda: all(seen.values()), 120)
        assert max(subscribers(redis, job.id) for job in jobs) == 1
        injuries.kill_haproxy(fragile, random.Random(0))
        begin = time.monotonic()
        release.set()
        await asyncio.wait_for(asyncio.gather(*watches), 200)
    assert ends == [JobState.SUCCEEDED] * WATCHERS
    figure("1,000 watches cut at once: all have come back and seen the end after", time.monotonic() - begin, 60)


async def until_async(condition: Callable[[], bool], seconds_max: float) -> None:
    """Wait for a condition without standing in the way of others."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds_max} s"
        await asyncio.sleep(0.05)
