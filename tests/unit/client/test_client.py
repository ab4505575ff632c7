"""The sync client over grpcio-testing's channel: what it sends, and what it makes of the answers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import grpc
import grpc_testing
import pytest
from google.protobuf.message import Message

from pdfgateway import (
    InternalError,
    InvalidArgument,
    JobAlreadyFinished,
    JobState,
    PDFGatewayClient,
)
from pdfgateway.v1.pdf_gateway_service_pb2 import (
    DESCRIPTOR,
    CancelJobRequest,
    GetStatusRequest,
    GetStatusResponse,
    SubmitPDFRequest,
    SubmitPDFResponse,
    WatchStatusRequest,
    WatchStatusResponse,
)
from tests.contract_messages import job_message, status_trailer

SERVICE = DESCRIPTOR.services_by_name["PDFGatewayService"]
SUBMITTED = SubmitPDFResponse(job=job_message())
CANCELLED_JOB = job_message(seq=2, state="CANCELLED")
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
FINISHED = status_trailer(FAILED_PRECONDITION, "It has ended.", "JOB_ALREADY_FINISHED")


Request = TypeVar("Request", bound=Message)


class Server:
    """Takes the client's calls one by one."""

    def __init__(self) -> None:
        self.channel = grpc_testing.channel([SERVICE], grpc_testing.strict_real_time())
        self.metadata: dict[str, str | bytes] = {}
        """The metadata of the last call."""

    def answer(self, kind: type[Request], response: Message) -> Request:
        """Answer the next call with a request of this kind; return the request."""
        request, rpc = self._take(kind)
        rpc.terminate(response, (), grpc.StatusCode.OK, "")
        return request

    def refuse(self, kind: type[Request], code: grpc.StatusCode, *trailers: tuple[str, bytes]) -> Request:
        """Refuse the next call with a request of this kind; return the request."""
        request, rpc = self._take(kind)
        rpc.terminate(None, trailers, code, "refused")
        return request

    def _take(self, kind: type[Request]) -> tuple[Request, grpc_testing.UnaryUnaryChannelRpc]:
        """Wait for the next call with a request of this kind."""
        method = SERVICE.methods_by_name[kind.__name__.removesuffix("Request")]
        metadata, request, rpc = self.channel.take_unary_unary(method)
        assert isinstance(request, kind)
        self.metadata = dict(metadata)
        return request, rpc

    def watch(self) -> tuple[WatchStatusRequest, grpc_testing.UnaryStreamChannelRpc]:
        """Wait for the next watch; return its request and its stream."""
        _, request, rpc = self.channel.take_unary_stream(SERVICE.methods_by_name["WatchStatus"])
        assert isinstance(request, WatchStatusRequest)
        rpc.send_initial_metadata(())
        return request, rpc


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server that clients of the test reach."""
    server = Server()
    monkeypatch.setattr("pdfgateway.calls.open_channel", lambda *_: server.channel)
    return server


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Where the client's calls wait for their answers."""
    with ThreadPoolExecutor() as threads:
        yield threads


def test_a_submit_carries_an_id_of_its_own(server: Server, threads: ThreadPoolExecutor) -> None:
    """By default no two submits have the same request_id; a given one is sent as it is."""
    client = PDFGatewayClient()
    request_ids = []
    for request_id in (None, None, "mine"):
        submitted = threads.submit(client.submit, b"%PDF-", request_id=request_id)
        request_ids.append(server.answer(SubmitPDFRequest, SUBMITTED).request_id)
        assert submitted.result().id == "job-1"
    assert len(set(request_ids)) == 3
    assert "" not in request_ids
    assert request_ids[2] == "mine"


def test_a_submit_without_an_answer_is_sent_again_unchanged(server: Server, threads: ThreadPoolExecutor) -> None:
    """The repeated request is the same to the byte, so that the gateway knows it again."""
    submitted = threads.submit(PDFGatewayClient().submit, b"%PDF-", labels={"a": "b"})
    first = server.refuse(SubmitPDFRequest, UNAVAILABLE)
    second = server.refuse(SubmitPDFRequest, grpc.StatusCode.INTERNAL)
    third = server.answer(SubmitPDFRequest, SUBMITTED)
    assert first == second == third
    assert submitted.result().state is JobState.QUEUED


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [("INVALID_ARGUMENT", "INVALID_ARGUMENT", InvalidArgument), ("INTERNAL", "INTERNAL", InternalError)],
)
def test_a_refusal_is_raised_at_once(
    server: Server, threads: ThreadPoolExecutor, code: str, reason: str, error: type[Exception]
) -> None:
    """What would be refused again is sent once."""
    submitted = threads.submit(PDFGatewayClient().submit, b"")
    server.refuse(SubmitPDFRequest, grpc.StatusCode[code], status_trailer(grpc.StatusCode[code], "no", reason))
    with pytest.raises(error, match="no"):
        submitted.result()


def test_metadata_is_sent_with_every_call(server: Server, threads: ThreadPoolExecutor) -> None:
    """What the user gives is sent with lower-case keys."""
    client = PDFGatewayClient(metadata={"Authorization": "Bearer x"})
    read = threads.submit(client.status, "job-1")
    server.answer(GetStatusRequest, GetStatusResponse(job=job_message()))
    assert server.metadata["authorization"] == "Bearer x"
    assert read.result().id == "job-1"


def test_a_wait_is_not_begun_anew(server: Server, threads: ThreadPoolExecutor) -> None:
    """A status that is asked for again waits no longer than what is left of its wait."""
    read = threads.submit(PDFGatewayClient().status, "job-1", wait_seconds=60.0)
    requests = [server.refuse(GetStatusRequest, UNAVAILABLE) for _ in range(1)]
    requests.append(server.answer(GetStatusRequest, GetStatusResponse(job=CANCELLED_JOB)))
    waits = [request.wait.ToMilliseconds() for request in requests]
    assert read.result().state is JobState.CANCELLED
    assert waits == sorted(waits, reverse=True)
    assert waits[0] <= 60_000
    assert waits[-1] < waits[0]


def test_a_cancel_whose_answer_was_lost_succeeds(server: Server, threads: ThreadPoolExecutor) -> None:
    """Where the repeated cancel finds the job cancelled, that is what was asked for."""
    cancelled = threads.submit(PDFGatewayClient().cancel, "job-1")
    server.refuse(CancelJobRequest, UNAVAILABLE)
    server.refuse(CancelJobRequest, FAILED_PRECONDITION, FINISHED)
    server.answer(GetStatusRequest, GetStatusResponse(job=CANCELLED_JOB))
    assert cancelled.result().state is JobState.CANCELLED


def test_a_cancel_that_came_too_late_fails(server: Server, threads: ThreadPoolExecutor) -> None:
    """The same, but the job ended by itself: there is nothing to cancel."""
    cancelled = threads.submit(PDFGatewayClient().cancel, "job-1")
    server.refuse(CancelJobRequest, UNAVAILABLE)
    server.refuse(CancelJobRequest, FAILED_PRECONDITION, FINISHED)
    server.answer(GetStatusRequest, GetStatusResponse(job=job_message(state="SUCCEEDED")))
    with pytest.raises(JobAlreadyFinished):
        cancelled.result()


def test_a_cancel_of_a_cancelled_job_fails(server: Server, threads: ThreadPoolExecutor) -> None:
    """Who cancels a second time is told, without another question to the gateway."""
    cancelled = threads.submit(PDFGatewayClient().cancel, "job-1")
    server.refuse(CancelJobRequest, FAILED_PRECONDITION, FINISHED)
    with pytest.raises(JobAlreadyFinished):
        cancelled.result()


def test_a_watch_that_is_left_is_cancelled(server: Server, threads: ThreadPoolExecutor) -> None:
    """Who leaves the loop leaves no stream behind."""
    jobs = PDFGatewayClient().watch("job-1", after_seq=4)
    news = threads.submit(next, jobs)
    request, rpc = server.watch()
    assert request == WatchStatusRequest(job_id="job-1", after_seq=4)
    rpc.send_response(WatchStatusResponse(job=job_message(seq=5, state="RUNNING")))
    assert news.result().seq == 5
    jobs.close()
    rpc.cancelled()


def test_a_silent_watch_is_broken_and_resumed(
    server: Server, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that says nothing for too long is dead; the next one goes on after the last seq."""
    monkeypatch.setattr("pdfgateway.calls.SILENCE_SECONDS_MAX", 0.1)
    seen = threads.submit(lambda: [job.seq for job in PDFGatewayClient().watch("job-1")])
    _, silent = server.watch()
    silent.send_response(WatchStatusResponse(job=job_message(seq=3, state="RUNNING")))
    silent.cancelled()
    request, rpc = server.watch()
    assert request == WatchStatusRequest(job_id="job-1", after_seq=3)
    rpc.send_response(WatchStatusResponse(job=job_message(seq=4, state="SUCCEEDED")))
    assert seen.result() == [3, 4]


@pytest.mark.usefixtures("server")
def test_a_closed_client_calls_nobody() -> None:
    """After close every method says what is wrong."""
    with PDFGatewayClient() as client:
        pass
    for call in (client.status, client.cancel, client.wait):
        with pytest.raises(RuntimeError, match="this client is closed"):
            call("job-1")
