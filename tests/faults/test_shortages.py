"""What runs short: the memory of Redis, file descriptors. It is told, and passes when the want does."""

import resource
import uuid

import grpc
import pytest
from redis import Redis

from gateway.embedded_valkey import EmbeddedValkey
from gateway.errors import Reason, Refusal
from gateway.redis_job_store import RedisJobStore
from pdfgateway import PDFGatewayClient
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway
from tests.faults.conftest import NoteFigure
from tests.integration.conftest import StartConsumer
from tests.integration.jobs import SAMPLE, eventually, new_job, until
from tests.origin import Origin
from workers.celery_settings import QUEUE
from workers.jobs.state import JobState
from workers.record.transition import record_key

RECORD_BYTES_MAX = 8 * 1024


@pytest.mark.timeout(180)
async def test_a_full_redis_loses_no_job(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """No write is taken while jobs wait and are worked on: submissions are refused, and what was accepted succeeds."""
    consumer = start_consumer()
    jobs = [new_job(origin.serve_in_halves("/slow.pdf", SAMPLE, 3)) for _ in range(2)]
    jobs += [new_job(origin.serve(f"/{number}.pdf", SAMPLE)) for number in range(5)]
    for new in jobs[:2]:
        await store.submit(new)
    for new in jobs[:2]:
        await until(store, new.id, JobState.RUNNING)
    for new in jobs[2:]:
        await store.submit(new)
    with Redis(port=own_valkey.port) as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(Refusal) as refused:
            await store.submit(new_job(origin.url("/refused.pdf")))
        assert refused.value.reason is Reason.STORE_FULL
        taken = client.llen(QUEUE)

        async def has_met_it() -> bool:
            return bool(client.llen(QUEUE) < taken)

        # kombu cannot note down the message that it takes, and loses it.
        await eventually(has_met_it)
        client.config_set("maxmemory", 0)
        for new in jobs:
            job = await until(store, new.id, JobState.SUCCEEDED)
            assert job.attempt <= 2
        assert client.llen(QUEUE) == 0
    assert consumer.poll() is None


@pytest.mark.timeout(180)
async def test_a_consumer_without_file_descriptors_works_again_when_it_has_some(
    store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """No file and no socket can be opened: the attempt fails in a way that may pass, and passes."""
    consumer = start_consumer()
    before = new_job(origin.serve("/before.pdf", SAMPLE))
    await store.submit(before)
    await until(store, before.id, JobState.SUCCEEDED)
    limit = resource.prlimit(consumer.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(consumer.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
    new = new_job(origin.serve("/short.pdf", SAMPLE))
    await store.submit(new)
    try:
        job = await until(store, new.id, JobState.RETRYING)
    finally:
        resource.prlimit(consumer.pid, resource.RLIMIT_NOFILE, limit)
    assert job.last_error is not None
    assert job.last_error.retryable
    await until(store, new.id, JobState.SUCCEEDED)
    assert consumer.poll() is None


@pytest.mark.timeout(180)
async def test_a_record_stays_small_whatever_the_pdf(
    own_valkey: EmbeddedValkey,
    store: RedisJobStore,
    origin: Origin,
    start_consumer: StartConsumer,
    figure: NoteFigure,
) -> None:
    """Megabytes of text leave a cut summary in Redis, and no more; and more text than a page may have is refused."""
    new = new_job(origin.serve("/wordy.pdf", pdfs.wordy(3)))
    await store.submit(new)
    start_consumer()
    await until(store, new.id, JobState.SUCCEEDED)
    with Redis(port=own_valkey.port) as client:
        figure("record of a PDF with 3 MB of text", client.strlen(record_key(new.id)), RECORD_BYTES_MAX, "bytes")


@pytest.mark.timeout(180)
def test_an_ingress_without_file_descriptors_says_so_and_serves_again(
    fragile: RunningGateway, client: PDFGatewayClient
) -> None:
    """An upload that cannot be kept is refused as one to be sent again; with descriptors, it is taken."""
    (ingress,) = fragile.replicas("Ingress")
    limit = resource.prlimit(ingress.pid, resource.RLIMIT_NOFILE)
    with grpc.insecure_channel(fragile.grpc_address) as channel:
        stub = PDFGatewayServiceStub(channel)
        request = pb.SubmitPDFRequest(content=pdfs.prose(7), request_id=str(uuid.uuid4()))
        stub.GetStatus(pb.GetStatusRequest(job_id=client.submit(pdfs.prose(1)).id), timeout=20)
        resource.prlimit(ingress.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
        try:
            with pytest.raises(grpc.RpcError) as refused:
                stub.SubmitPDF(request, timeout=20)
        finally:
            resource.prlimit(ingress.pid, resource.RLIMIT_NOFILE, limit)
        assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
        job = stub.SubmitPDF(request, timeout=60).job
    assert client.wait(job.id, timeout_seconds=60).state.value == JobState.SUCCEEDED
    assert ingress.is_running()
