"""What both clients promise of a watch, over streams that break, end, stall and come back."""

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from pdfgateway import DeadlineExceeded, Job, JobState
from pdfgateway.v1.pdf_gateway_service_pb2 import WatchStatusRequest
from tests.contract_messages import extracting, job_message
from tests.fake_gateway import FakeGateway
from tests.fake_server import FakeServer
from tests.fake_steps import Beat, Pause, Refuse, Send, Stall, Step
from tests.integration.client.drivers import ClientDriver

DOWN = Refuse(grpc.StatusCode.UNAVAILABLE, "down")
PROXY_WITHOUT_REPLICA = Refuse(grpc.StatusCode.INTERNAL, "Received http2 header with status: 503")
STORE_DOWN = Refuse(grpc.StatusCode.UNAVAILABLE, "The store is down.", "STORE_UNAVAILABLE", retry_seconds=0.1)
FULL = Refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", "TOO_MANY_WATCHES", retry_seconds=0.1)
FAULT = Refuse(grpc.StatusCode.INTERNAL, "A fault; see 4711.", "INTERNAL")


def seqs(jobs: list[Job]) -> list[int]:
    """The seq of each job."""
    return [job.seq for job in jobs]


def resumed_after(gateway: FakeGateway) -> list[int]:
    """The after_seq of each watch that came."""
    return [request.after_seq for request in gateway.requests if isinstance(request, WatchStatusRequest)]


def allow_silence(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set how long a stream may be silent."""
    monkeypatch.setattr("pdfgateway.calls.SILENCE_SECONDS_MAX", seconds)
    monkeypatch.setattr("pdfgateway.async_calls.SILENCE_SECONDS_MAX", seconds)


@pytest.mark.parametrize("end", [DOWN, PROXY_WITHOUT_REPLICA, STORE_DOWN, FULL, FAULT], ids=lambda end: end.message)
def test_a_broken_watch_is_resumed_by_seq(gateway: FakeGateway, client: ClientDriver, end: Refuse) -> None:
    """Whatever breaks the stream, the next one goes on after the last seq, and nothing comes twice."""
    running = job_message(seq=2, state="RUNNING", progress=extracting(1, 2))
    gateway.watch_scripts["job-1"].extend(
        [
            [Send(job_message(seq=1)), Send(running), end],
            [end],
            [Send(running), Send(job_message(seq=4, state="SUCCEEDED"))],
        ]
    )
    assert seqs(client.watch("job-1")) == [1, 2, 4]
    assert resumed_after(gateway) == [0, 2, 2]


def test_a_watch_that_reached_its_longest_time_is_resumed(gateway: FakeGateway, client: ClientDriver) -> None:
    """A stream that ends with OK before the job did is followed by another one, as often as it takes."""
    streams = 20
    gateway.watch_scripts["job-1"].extend([Send(job_message(seq=seq, state="RUNNING"))] for seq in range(1, streams))
    gateway.watch_scripts["job-1"].append([Send(job_message(seq=streams, state="SUCCEEDED"))])
    assert seqs(client.watch("job-1")) == list(range(1, streams + 1))


def test_a_watch_outlives_a_restart_of_the_gateway(
    gateway: FakeGateway, server: FakeServer, client: ClientDriver, thread: ThreadPoolExecutor
) -> None:
    """A gateway that goes and comes back on its port is found again, and the end is not missed."""
    gateway.put(job_message(seq=1, state="RUNNING"))
    watched = thread.submit(client.watch, "job-1")
    gateway.wait_for_requests(WatchStatusRequest, 1)
    server.stop()
    gateway.put(job_message(seq=3, state="SUCCEEDED"))
    server.start()
    jobs = watched.result(timeout=10)
    assert jobs[-1].state is JobState.SUCCEEDED
    assert seqs(jobs) == sorted(set(seqs(jobs)))


def test_heartbeats_keep_a_quiet_watch(
    gateway: FakeGateway, client: ClientDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream with heartbeats is not silent, however long nothing changes."""
    allow_silence(monkeypatch, seconds=0.5)
    quiet: list[Step] = [Beat(), Pause(0.1)] * 10
    gateway.watch_scripts["job-1"].append([*quiet, Send(job_message(seq=1, state="SUCCEEDED"))])
    assert seqs(client.watch("job-1")) == [1]
    assert len(gateway.requests) == 1


def test_a_silent_watch_is_broken_and_resumed(
    gateway: FakeGateway, client: ClientDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream without even heartbeats is dead, though its connection may live."""
    allow_silence(monkeypatch, seconds=0.2)
    gateway.watch_scripts["job-1"].append([Send(job_message(seq=1)), Stall()])
    gateway.watch_scripts["job-1"].append([Send(job_message(seq=2, state="SUCCEEDED"))])
    assert seqs(client.watch("job-1")) == [1, 2]
    assert resumed_after(gateway) == [0, 1]
    gateway.wait_until_idle()


def test_an_ended_job_that_is_known_is_told_once_more(gateway: FakeGateway, client: ClientDriver) -> None:
    """Every watch ends with the terminal job, also one that begins after it."""
    gateway.put(job_message(seq=7, state="FAILED"))
    assert seqs(client.watch("job-1", after_seq=7)) == [7]


def test_a_job_that_goes_on_too_long_is_left(gateway: FakeGateway, client: ClientDriver) -> None:
    """Watch and wait end at their timeout, tell what they saw, and leave no stream behind."""
    gateway.put(job_message(state="RUNNING"))
    for call in (client.wait, client.watch):
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"within 0\.3 s; it was last seen RUNNING, and it goes on"):
            call("job-1", timeout_seconds=0.3)
        assert 0.2 <= time.monotonic() - began < 2.0
    gateway.wait_until_idle()


def test_a_watch_that_is_left_leaves_no_stream(gateway: FakeGateway, client: ClientDriver) -> None:
    """Who needs the first job only does not hold the gateway's stream."""
    gateway.put(job_message(state="RUNNING"))
    assert client.first("job-1").state is JobState.RUNNING
    gateway.wait_until_idle()
