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
    InvalidArgument,
    JobAlreadyFinished,
    JobNotFound,
    JobState,
    RequestIdReused,
    StoreUnavailable,
)
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import (
    PDFGatewayServiceServicer,
    add_PDFGatewayServiceServicer_to_server,
)
from workers.jobs.failure import FailureReason, JobFailure

URL = "https://example.com/paper.pdf"
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
    return InMemoryJobStore()


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
            store.fail(job.id, JobFailure(FailureReason.ENCRYPTED, "It opens with a password only."))
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
