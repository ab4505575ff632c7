"""The client against the gateway's own service and translator, without Serve and Redis."""

# ruff: noqa: N802  (the RPCs' names are gRPC's)

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import grpc.aio
import pytest

from gateway.rpc import RpcTranslator
from gateway.rpc_status import RpcContext
from gateway.service import GatewayService
from gateway.settings import Settings
from gateway.testing import InMemoryJobStore
from gateway.watch_hub import WatchHub
from pdfgateway import (
    AsyncPDFGatewayClient,
    AttemptState,
    InvalidArgument,
    JobAlreadyFinished,
    JobAlreadySucceeded,
    JobExpired,
    JobNotFinished,
    JobNotFound,
    JobState,
    QueueFull,
    RequestIdReused,
    StoreUnavailable,
)
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import (
    PDFGatewayServiceServicer,
    add_PDFGatewayServiceServicer_to_server,
)
from workers.jobs.failure import FailureReason, JobFailure
from workers.jobs.job import PDFResult

URL = "https://example.com/paper.pdf"
QUEUED_MAX = 12
RESULT = PDFResult(
    page_count=1,
    word_count=2,
    char_count=9,
    summary="Two words",
    processing_seconds=0.5,
    sha256="0" * 64,
    size_bytes=8,
    engine="pypdf",
)
LOST = JobFailure(FailureReason.LEASE_LOST, "Its worker fell silent.")
LOCKED = JobFailure(FailureReason.ENCRYPTED, "It opens with a password only.")
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


class NoBlobs:
    """Keeps nothing."""

    async def put(self, name: str, content: bytes) -> None:
        """Take the bytes for kept."""


class Servicer:
    """The translator behind a plain gRPC server, as the ingress is behind Serve's."""

    def __init__(self, rpc: RpcTranslator) -> None:
        self._rpc = rpc

    async def SubmitPDF(
        self, request: service_pb2.SubmitPDFRequest, context: RpcContext
    ) -> service_pb2.SubmitPDFResponse:
        """See the contract."""
        return await self._rpc.submit_pdf(request, context)

    async def GetStatus(
        self, request: service_pb2.GetStatusRequest, context: RpcContext
    ) -> service_pb2.GetStatusResponse:
        """See the contract."""
        return await self._rpc.get_status(request, context)

    async def CancelJob(
        self, request: service_pb2.CancelJobRequest, context: RpcContext
    ) -> service_pb2.CancelJobResponse:
        """See the contract."""
        return await self._rpc.cancel_job(request, context)

    async def ListJobs(self, request: service_pb2.ListJobsRequest, context: RpcContext) -> service_pb2.ListJobsResponse:
        """See the contract."""
        return await self._rpc.list_jobs(request, context)

    async def DeleteJob(
        self, request: service_pb2.DeleteJobRequest, context: RpcContext
    ) -> service_pb2.DeleteJobResponse:
        """See the contract."""
        return await self._rpc.delete_job(request, context)

    async def ReplayJob(
        self, request: service_pb2.ReplayJobRequest, context: RpcContext
    ) -> service_pb2.ReplayJobResponse:
        """See the contract."""
        return await self._rpc.replay_job(request, context)

    async def ListDeadLetters(
        self, request: service_pb2.ListDeadLettersRequest, context: RpcContext
    ) -> service_pb2.ListDeadLettersResponse:
        """See the contract."""
        return await self._rpc.list_dead_letters(request, context)

    async def ReplayDeadLetters(
        self, request: service_pb2.ReplayDeadLettersRequest, context: RpcContext
    ) -> service_pb2.ReplayDeadLettersResponse:
        """See the contract."""
        return await self._rpc.replay_dead_letters(request, context)

    async def PurgeDeadLetters(
        self, request: service_pb2.PurgeDeadLettersRequest, context: RpcContext
    ) -> service_pb2.PurgeDeadLettersResponse:
        """See the contract."""
        return await self._rpc.purge_dead_letters(request, context)

    async def WatchStatus(
        self, request: service_pb2.WatchStatusRequest, context: RpcContext
    ) -> AsyncGenerator[service_pb2.WatchStatusResponse, None]:
        """See the contract."""
        async with aclosing(self._rpc.watch_status(request, context)) as messages:
            async for message in messages:
                yield message


@pytest.fixture
def store() -> InMemoryJobStore:
    """The jobs; the test plays the worker."""
    return InMemoryJobStore(queued_max=QUEUED_MAX)


@pytest.fixture
async def client(store: InMemoryJobStore) -> AsyncGenerator[AsyncPDFGatewayClient, None]:
    """A client of the service."""
    hub = WatchHub(store, store, watches_max=10)
    news = asyncio.create_task(hub.run())
    service = GatewayService(Settings(), store, hub, NoBlobs())
    server = grpc.aio.server()
    servicer = Servicer(RpcTranslator(service, streams_may_return_refusals=True))
    add_PDFGatewayServiceServicer_to_server(cast("PDFGatewayServiceServicer", servicer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with AsyncPDFGatewayClient(f"127.0.0.1:{port}", timeout_seconds=2.0) as client:
        yield client
    await server.stop(None)
    news.cancel()


async def test_a_watch_follows_the_worker(client: AsyncPDFGatewayClient, store: InMemoryJobStore) -> None:
    """What the worker reports arrives in order, to the failure that ends the job."""
    submitted = await client.submit(URL, max_summary_paragraphs=5, labels={"team": "a"}, deadline_seconds=60)
    assert (submitted.source.url, submitted.options.max_summary_paragraphs) == (URL, 5)
    seen = []
    async for job in client.watch(submitted.id):
        seen.append((job.seq, job.state, job.progress.pages_done if job.progress else None))
        if job.state is JobState.QUEUED:
            store.start(job.id)
        elif job.progress is not None and job.progress.pages_done < 2:
            store.progress(job.id, job.progress.pages_done + 1, 2)
        elif not job.is_terminal:
            store.fail(job.id, LOCKED)
    assert seen == [(1, "QUEUED", None), (2, "RUNNING", 0), (3, "RUNNING", 1), (4, "RUNNING", 2), (5, "FAILED", 2)]
    job = await client.status(submitted.id)
    assert job.error is not None
    assert (job.error.reason, job.error == job.last_error, job.error.retryable) == ("ENCRYPTED", True, False)


async def test_the_gateways_refusals_are_the_clients_errors(
    client: AsyncPDFGatewayClient, store: InMemoryJobStore
) -> None:
    """Each refusal arrives as its class, with the field it is about."""
    with pytest.raises(InvalidArgument) as refused:
        await client.submit("ftp://example.com/paper.pdf")
    assert [violation.field for violation in refused.value.field_violations] == ["url"]
    with pytest.raises(JobNotFound, match=UNKNOWN_ID):
        await client.status(UNKNOWN_ID)
    with pytest.raises(JobNotFound, match=UNKNOWN_ID):
        await client.wait(UNKNOWN_ID)
    job = await client.submit(URL, request_id="mine")
    assert await client.submit(URL, request_id="mine") == job
    with pytest.raises(RequestIdReused):
        await client.submit("https://example.com/other.pdf", request_id="mine")
    assert (await client.cancel(job.id)).state is JobState.CANCELLED
    with pytest.raises(JobAlreadyFinished):
        await client.cancel(job.id)
    store.is_available = False
    with pytest.raises(StoreUnavailable):
        await client.status(job.id)


async def test_a_wait_ends_with_the_job(client: AsyncPDFGatewayClient) -> None:
    """A status that waits is answered as soon as the job has ended."""
    job = await client.submit(b"%PDF-1.7", filename="a.pdf")
    assert job.source.upload is not None
    assert (job.source.upload.filename, job.source.upload.size_bytes) == ("a.pdf", 8)
    waiting = asyncio.create_task(client.status(job.id, wait_seconds=60.0))
    await client.cancel(job.id)
    assert (await asyncio.wait_for(waiting, 5)).state is JobState.CANCELLED


async def test_a_list_is_walked_to_its_end(client: AsyncPDFGatewayClient, store: InMemoryJobStore) -> None:
    """The client's pages are the gateway's: every job that matches comes once, newest first, and no other."""
    jobs = [await client.submit(URL, labels={"number": str(number % 2)}) for number in range(7)]
    store.start(jobs[3].id)
    newest_first = [job.id for job in reversed(jobs)]
    assert [job.id async for job in client.jobs(page_size=2)] == newest_first
    odd = client.jobs(labels={"number": "1"}, states=[JobState.QUEUED], page_size=1)
    assert [job.id async for job in odd] == [jobs[5].id, jobs[1].id]
    later = client.jobs(created_from=jobs[2].create_time, created_before=jobs[5].create_time)
    assert [job.id async for job in later] == [jobs[4].id, jobs[3].id, jobs[2].id]
    with pytest.raises(InvalidArgument, match="page_size"):
        await anext(client.jobs(page_size=201))
    with pytest.raises(InvalidArgument, match="states"):
        await anext(client.jobs(states=[JobState.UNSPECIFIED]))


async def test_a_job_is_replayed_and_deleted(client: AsyncPDFGatewayClient, store: InMemoryJobStore) -> None:
    """A replay keeps the id and the history; what succeeded is not replayed, what goes on is not deleted."""
    job = await client.submit(URL)
    store.start(job.id)
    with pytest.raises(JobNotFinished):
        await client.delete(job.id)
    store.fail(job.id, LOST)
    again = await client.replay(job.id)
    assert (again.id, again.run, again.state) == (job.id, 2, JobState.QUEUED)
    store.start(job.id)
    store.succeed(job.id, RESULT)
    ended = await client.wait(job.id)
    assert [(attempt.run, attempt.attempt, attempt.state) for attempt in ended.attempts] == [
        (1, 1, AttemptState.FAILED),
        (2, 1, AttemptState.SUCCEEDED),
    ]
    assert ended.attempts[0].error is not None
    assert (ended.attempts[0].error.reason, ended.attempts[0].worker) == ("LEASE_LOST", "test")
    with pytest.raises(JobAlreadySucceeded):
        await client.replay(job.id)
    await client.delete(job.id)
    for call in (client.status, client.delete, client.replay):
        with pytest.raises(JobNotFound):
            await call(job.id)


async def test_dead_letters_are_read_replayed_and_purged(
    client: AsyncPDFGatewayClient, store: InMemoryJobStore
) -> None:
    """What failed lies in its queue until it is replayed or purged, by filter."""
    jobs = [await client.submit(URL) for _ in range(4)]
    for number, job in enumerate(jobs):
        store.start(job.id)
        store.fail(job.id, LOCKED if number == 3 else LOST)
    letters = [letter async for letter in client.dead_letters()]
    assert [letter.job_id for letter in letters] == [jobs[2].id, jobs[1].id, jobs[0].id, jobs[3].id]
    assert [letter.queue for letter in letters] == ["failed_pdfs"] * 3 + ["invalid_pdfs"]
    assert (letters[0].reason, letters[0].run, letters[0].attempt, letters[0].raw) == ("LEASE_LOST", 1, 1, None)
    assert [attempt.state for attempt in letters[0].attempts] == [AttemptState.FAILED]
    assert await client.purge_dead_letters("failed_pdfs", before=letters[1].time) == 1
    assert await client.replay_dead_letters("failed_pdfs", reason="ENCRYPTED") == 0
    assert await client.replay_dead_letters("failed_pdfs", reason="LEASE_LOST") == 2
    assert [letter.job_id async for letter in client.dead_letters()] == [jobs[3].id]
    assert [(await client.status(job.id)).run for job in jobs] == [1, 2, 2, 1]
    for call in (client.replay_dead_letters, client.purge_dead_letters):
        with pytest.raises(InvalidArgument) as refused:
            await call("pdfs")
        assert [violation.field for violation in refused.value.field_violations] == ["filter.queue"]


async def test_a_result_is_reused_and_kept(client: AsyncPDFGatewayClient, store: InMemoryJobStore) -> None:
    """The same bytes have their result at once if that is asked for; the retention is the one that was asked for."""
    first = await client.submit(b"%PDF-1.7", retention_seconds=90.0)
    assert (first.reused_job_id, first.attempts) == (None, ())
    assert (first.expire_time - first.create_time).total_seconds() == 90.0
    store.start(first.id)
    store.succeed(first.id, RESULT)
    second = await client.submit(b"%PDF-1.7", reuse_result=True)
    assert (second.state, second.reused_job_id) == (JobState.SUCCEEDED, first.id)
    assert second.result == (await client.status(first.id)).result
    assert (await client.submit(b"%PDF-1.7")).state is JobState.QUEUED


async def test_back_pressure_and_expiry_have_their_errors(
    client: AsyncPDFGatewayClient, store: InMemoryJobStore
) -> None:
    """A full queue is no outage, and a job that expired is told from one that never was."""
    jobs = [await client.submit(URL) for _ in range(QUEUED_MAX)]
    with pytest.raises(QueueFull) as full:
        await client.submit(URL)
    assert full.value.retry_after_seconds == 5.0
    store.expire(jobs[0].id)
    for call in (client.status, client.wait, client.cancel, client.replay, client.delete):
        with pytest.raises(JobExpired, match=jobs[0].id):
            await call(jobs[0].id)
