"""What both clients promise of a call, to a gateway that refuses, stalls and fails."""

import time
from collections import Counter
from functools import partial
from pathlib import Path

import grpc
import pytest

from pdfgateway import (
    DeadlineExceeded,
    InvalidArgument,
    JobAlreadyFinished,
    JobExpired,
    JobNotFound,
    JobState,
    QueueFull,
    StoreFull,
    StoreUnavailable,
    Unavailable,
)
from pdfgateway.v1.pdf_gateway_service_pb2 import GetStatusRequest, SubmitPDFRequest, WatchStatusRequest
from tests.contract_messages import dead_letter_message, job_message
from tests.fake_gateway import FakeGateway
from tests.fake_server import FakeServer
from tests.fake_steps import Refuse, Stall
from tests.integration.client.drivers import ClientDriver, MakeClient

DOWN = Refuse(grpc.StatusCode.UNAVAILABLE, "down")
PROXY_WITHOUT_REPLICA = Refuse(grpc.StatusCode.INTERNAL, "Received http2 header with status: 503")
QUEUE_FULL = Refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "The queue is full.", "QUEUE_FULL", retry_seconds=0.1)
STORE_FULL = Refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "The store is full.", "STORE_FULL", retry_seconds=0.1)
UNARY_RPCS = (
    "SubmitPDF",
    "GetStatus",
    "CancelJob",
    "ListJobs",
    "DeleteJob",
    "ReplayJob",
    "ListDeadLetters",
    "ReplayDeadLetters",
    "PurgeDeadLetters",
)
STORE_DOWN = Refuse(grpc.StatusCode.UNAVAILABLE, "The store is down.", "STORE_UNAVAILABLE", retry_seconds=0.1)


def test_a_job_goes_its_whole_way(gateway: FakeGateway, client: ClientDriver, tmp_path: Path) -> None:
    """Submit, watch, wait and status tell one story, for each kind of source."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.7")
    for source in ("https://example.com/paper.pdf", path, b"%PDF-1.7"):
        job = client.submit(source, {"team": "a"})
        assert (job.state, job.seq, job.labels) == (JobState.QUEUED, 1, {"team": "a"})
        assert [job.seq for job in client.watch(job.id)] == [1, 2]
        ended = client.wait(job.id)
        assert ended.result is not None
        assert ended == client.status(job.id)
    urls = [request.url for request in gateway.requests if isinstance(request, SubmitPDFRequest)]
    names = [request.filename for request in gateway.requests if isinstance(request, SubmitPDFRequest)]
    assert (urls, names) == (["https://example.com/paper.pdf", "", ""], ["", "paper.pdf", ""])


def test_an_unknown_job_is_not_found(gateway: FakeGateway, client: ClientDriver) -> None:
    """Every method says so at once, and asks once."""
    for call in (client.status, client.watch, client.wait, client.cancel, client.delete, client.replay):
        with pytest.raises(JobNotFound, match="There is no job nope"):
            call("nope")
    assert len(gateway.requests) == 6


def test_an_expired_job_is_not_found(gateway: FakeGateway, client: ClientDriver) -> None:
    """Who asks for a job that was removed in time is told so, and may take it as not found."""
    expired = Refuse(grpc.StatusCode.NOT_FOUND, "It has expired.", "EXPIRED")
    gateway.faults["GetStatus"].append(expired)
    gateway.faults["WatchStatus"].append(expired)
    for call in (client.status, client.wait):
        with pytest.raises(JobExpired, match="It has expired"):
            call("job-1")
    assert issubclass(JobExpired, JobNotFound)


def test_wrong_fields_are_named(gateway: FakeGateway, client: ClientDriver) -> None:
    """A refusal shows which field is wrong and why."""
    violations = (("url", "must be http or https"), ("labels", "are too many"))
    refusal = Refuse(grpc.StatusCode.INVALID_ARGUMENT, "Two fields are wrong.", "INVALID_ARGUMENT", violations)
    gateway.faults["SubmitPDF"].append(refusal)
    with pytest.raises(InvalidArgument, match="url: must be http or https; labels: are too many") as refused:
        client.submit("ftp://example.com")
    assert [(v.field, v.description) for v in refused.value.field_violations] == list(violations)


@pytest.mark.parametrize(
    "fault", [DOWN, PROXY_WITHOUT_REPLICA, STORE_DOWN, QUEUE_FULL, STORE_FULL], ids=lambda fault: fault.message
)
def test_a_short_outage_is_not_seen(gateway: FakeGateway, client: ClientDriver, fault: Refuse) -> None:
    """Unary calls are repeated within their time, and a submit makes one job all the same."""
    for rpc in UNARY_RPCS:
        gateway.faults[rpc].append(fault)
    gateway.dead_letters = [dead_letter_message(), dead_letter_message(""), dead_letter_message("")]
    job = client.submit(b"%PDF-")
    assert client.status(job.id) == job
    assert client.cancel(job.id).state is JobState.CANCELLED
    assert len(client.dead_letters()) == 3
    assert client.purge_dead_letters("invalid_pdfs") == 2
    assert client.replay_dead_letters("failed_pdfs") == 1
    assert client.replay(job.id).run == 2
    assert [listed.id for listed in client.jobs()] == [job.id]
    assert len(gateway.jobs) == 1
    client.cancel(job.id)
    client.delete(job.id)
    counts = Counter(type(request).__name__.removesuffix("Request") for request in gateway.requests)
    assert counts == dict.fromkeys(UNARY_RPCS, 2) | {"CancelJob": 3}
    assert not gateway.jobs


def test_a_gateway_that_stays_full_is_told(gateway: FakeGateway, server: FakeServer, make_client: MakeClient) -> None:
    """When the time of a submit is over its last refusal is raised, and says when to come back."""
    client = make_client(server.address, timeout_seconds=0.5)
    for fault, error in ((QUEUE_FULL, QueueFull), (STORE_FULL, StoreFull)):
        gateway.faults["SubmitPDF"].extend([fault] * 100)
        with pytest.raises(error, match="is full") as refused:
            client.submit(b"%PDF-")
        assert (refused.value.retryable, refused.value.retry_after_seconds) == (True, 0.1)
        gateway.faults["SubmitPDF"].clear()


def test_a_cancel_whose_answer_was_lost_succeeds(gateway: FakeGateway, client: ClientDriver) -> None:
    """The repeated cancel finds the job cancelled, and that is what was asked for; a second one is refused."""
    gateway.put(job_message(state="RUNNING"))
    gateway.lost_answers["CancelJob"] = 1
    assert client.cancel("job-1").state is JobState.CANCELLED
    with pytest.raises(JobAlreadyFinished):
        client.cancel("job-1")


def test_a_stalled_gateway_costs_no_more_than_the_deadline(
    gateway: FakeGateway, server: FakeServer, make_client: MakeClient
) -> None:
    """A call without an answer ends with DeadlineExceeded, at its time."""
    client = make_client(server.address, timeout_seconds=0.3)
    submit, status = partial(client.submit, b"%PDF-"), partial(client.status, "job-1")
    for method, call in (("SubmitPDF", submit), ("GetStatus", status)):
        gateway.faults[method].append(Stall())
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=server.address):
            call()
        assert 0.25 <= time.monotonic() - began < 2.0
    gateway.wait_until_idle()


def test_a_wait_adds_to_the_deadline(gateway: FakeGateway, server: FakeServer, make_client: MakeClient) -> None:
    """A status that waits is given its wait beyond the time for an answer."""
    client = make_client(server.address, timeout_seconds=0.5)
    gateway.put(job_message(state="RUNNING"))
    began = time.monotonic()
    assert client.status("job-1", wait_seconds=0.8).state is JobState.RUNNING
    assert time.monotonic() - began >= 0.7


def test_nobody_there_is_told_in_time(make_client: MakeClient) -> None:
    """Where nothing listens, calls and watches end with Unavailable, which names the address."""
    client = make_client("127.0.0.1:1", timeout_seconds=0.5)
    for call in (client.status, client.watch):
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"no answer from the gateway at 127\.0\.0\.1:1"):
            call("job-1")
        assert time.monotonic() - began < 5.0


def test_an_outage_is_not_hammered(gateway: FakeGateway, server: FakeServer, make_client: MakeClient) -> None:
    """While a gateway is down the attempts of calls and watches are few, and the last error is told."""
    client = make_client(server.address, timeout_seconds=1.0, outage_seconds_max=1.0)
    gateway.faults["GetStatus"].extend([STORE_DOWN] * 1000)
    gateway.faults["WatchStatus"].extend([STORE_DOWN] * 1000)
    for call in (client.status, client.watch):
        with pytest.raises(StoreUnavailable, match="The store is down"):
            call("job-1")
    # Each pause is at least the 0.1 s that the gateway asked for.
    assert 2 <= len(gateway.requests_of(GetStatusRequest)) <= 11
    assert 2 <= len(gateway.requests_of(WatchStatusRequest)) <= 11
