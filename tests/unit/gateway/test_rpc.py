"""The gRPC side over a store in memory, through a real grpc.aio server."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from gateway.health import HealthTranslator
from gateway.rpc import RpcTranslator
from gateway.rpc_messages import job_message
from gateway.service import GatewayService
from gateway.testing import InMemoryJobStore
from gateway.watch_hub import WatchHub
from pdfgateway.rpc_errors import error_from_rpc
from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import (
    PDFGatewayServiceServicer,
    PDFGatewayServiceStub,
    add_PDFGatewayServiceServicer_to_server,
)
from tests.unit.gateway.test_errors import Context
from tests.unit.gateway.test_rest import RESULT, URL
from workers.jobs.failure import FailureReason, JobFailure, Phase
from workers.jobs.job import Job, JobError, Progress
from workers.jobs.state import JobState

UNKNOWN = "00000000-0000-4000-8000-000000000000"


class Servicer(PDFGatewayServiceServicer):
    """Leads the RPCs to the translator, as the ingress does."""

    def __init__(self, translator: RpcTranslator) -> None:
        self.SubmitPDF = translator.submit_pdf
        self.GetStatus = translator.get_status
        self.CancelJob = translator.cancel_job
        self.WatchStatus = translator.watch_status
        self.ListJobs = translator.list_jobs
        self.DeleteJob = translator.delete_job
        self.ReplayJob = translator.replay_job
        self.ListDeadLetters = translator.list_dead_letters
        self.ReplayDeadLetters = translator.replay_dead_letters
        self.PurgeDeadLetters = translator.purge_dead_letters


@pytest.fixture
async def stub(service: GatewayService) -> AsyncGenerator[Any, None]:
    """A stub of a server over the service."""
    server = grpc.aio.server()
    translator = RpcTranslator(service, streams_may_return_refusals=True)
    add_PDFGatewayServiceServicer_to_server(Servicer(translator), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield PDFGatewayServiceStub(channel)
    await server.stop(None)


async def test_a_job_is_submitted_watched_and_cancelled(stub: Any) -> None:
    """The four RPCs, once."""
    request = pb.SubmitPDFRequest(url=URL, deadline=Duration(seconds=60), labels={"a": "b"})
    job = (await stub.SubmitPDF(request)).job
    assert job.state == job_pb2.JOB_STATE_QUEUED
    assert job.deadline_time.seconds - job.create_time.seconds == 60
    states = []
    async for message in stub.WatchStatus(pb.WatchStatusRequest(job_id=job.id)):
        if message.HasField("heartbeat"):
            assert (await stub.CancelJob(pb.CancelJobRequest(job_id=job.id))).job.state
        else:
            states.append(message.job.state)
    assert states == [job_pb2.JOB_STATE_QUEUED, job_pb2.JOB_STATE_CANCELLED]
    read = await stub.GetStatus(pb.GetStatusRequest(job_id=job.id, wait=Duration(seconds=1)))
    assert read.job.state == job_pb2.JOB_STATE_CANCELLED


@pytest.mark.parametrize("wait", [Duration(seconds=-1), Duration(seconds=-(2**62)), Duration(nanos=-5)])
async def test_a_negative_wait_is_refused_however_odd(stub: Any, store: InMemoryJobStore, wait: Duration) -> None:
    """A client can send any duration; none of them is a fault of ours."""
    job = (await stub.SubmitPDF(pb.SubmitPDFRequest(url=URL))).job
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetStatus(pb.GetStatusRequest(job_id=job.id, wait=wait))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert store.jobs


async def test_a_refused_watch_has_its_details(stub: Any) -> None:
    """A stream's refusal carries the same trailers as a unary one."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async for _ in stub.WatchStatus(pb.WatchStatusRequest(job_id=UNKNOWN)):
            pass
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert b"JOB_NOT_FOUND" in dict(refused.value.trailing_metadata())["grpc-status-details-bin"]


async def test_the_deepest_seq_is_taken(stub: Any) -> None:
    """after_seq has 64 bits; a terminal job comes whatever it says."""
    job = (await stub.SubmitPDF(pb.SubmitPDFRequest(url=URL))).job
    await stub.CancelJob(pb.CancelJobRequest(job_id=job.id))
    call = stub.WatchStatus(pb.WatchStatusRequest(job_id=job.id, after_seq=2**64 - 1))
    assert [message.job.state async for message in call] == [job_pb2.JOB_STATE_CANCELLED]


async def test_every_field_of_a_job_has_its_place_in_the_message(store: InMemoryJobStore, stub: Any) -> None:
    """What is set on the job is set on the message, and what is not, is not."""
    plain = await stub.SubmitPDF(pb.SubmitPDFRequest(url=URL))
    job = store.jobs[plain.job.id]
    full: Job = dataclasses.replace(
        job,
        state=JobState.SUCCEEDED,
        start_time_us=job.create_time_us + 1,
        end_time_us=job.create_time_us + 2_000_003,
        next_attempt_time_us=job.create_time_us,
        deadline_time_us=job.create_time_us,
        progress=Progress(phase=Phase.EXTRACT, pages_done=1, page_count=2, bytes_fetched=3),
        queue_position=0,
        last_error=JobError(reason="X", message="m", retryable=True, phase=Phase.FETCH),
        result=RESULT,
    )
    message = job_message(full)
    unset = {"error"}
    assert {field.name for field in message.DESCRIPTOR.fields if not field.is_repeated and field.has_presence} - {
        field.name for field, _ in message.ListFields()
    } == unset | ({"queue_position"} if not message.HasField("queue_position") else set())
    assert message.queue_position == 0
    assert message.HasField("queue_position")
    assert message.end_time.ToMicroseconds() == full.end_time_us
    assert message.result.processing_time.ToMilliseconds() == 1500
    assert message.progress.page_count == 2
    assert not job_message(job).HasField("progress")


async def failed(stub: Any, store: InMemoryJobStore) -> str:
    """The id of a job that failed."""
    job_id = str((await stub.SubmitPDF(pb.SubmitPDFRequest(url=URL, labels={"a": "b"}))).job.id)
    store.start(job_id)
    store.fail(job_id, JobFailure(FailureReason.CORRUPT, "no structure"))
    return job_id


async def test_jobs_are_listed_replayed_and_deleted(stub: Any, store: InMemoryJobStore) -> None:
    """By state, label and time, page by page; with their attempts."""
    old, new = await failed(stub, store), await failed(stub, store)
    query = pb.ListJobsRequest(states=[job_pb2.JOB_STATE_FAILED], labels={"a": "b"}, page_size=1)
    query.create_time_from.GetCurrentTime()
    query.create_time_from.seconds -= 60
    query.create_time_before.seconds = query.create_time_from.seconds + 120
    first = await stub.ListJobs(query)
    query.page_token = first.next_page_token
    second = await stub.ListJobs(query)
    assert [job.id for job in (*first.jobs, *second.jobs)] == [new, old]
    assert second.next_page_token == ""
    (attempt,) = first.jobs[0].attempts
    assert (attempt.state, attempt.error.reason) == (job_pb2.ATTEMPT_STATE_FAILED, "CORRUPT")
    assert attempt.end_time.ToMicroseconds() == first.jobs[0].end_time.ToMicroseconds()
    replayed = (await stub.ReplayJob(pb.ReplayJobRequest(job_id=new))).job
    assert (replayed.state, replayed.run) == (job_pb2.JOB_STATE_QUEUED, 2)
    assert (await stub.DeleteJob(pb.DeleteJobRequest(job_id=old))).job.id == old
    for call, code in (
        (stub.DeleteJob(pb.DeleteJobRequest(job_id=new)), grpc.StatusCode.FAILED_PRECONDITION),
        (stub.GetStatus(pb.GetStatusRequest(job_id=old)), grpc.StatusCode.NOT_FOUND),
        (stub.ListJobs(pb.ListJobsRequest(states=[99])), grpc.StatusCode.INVALID_ARGUMENT),
        (stub.ListJobs(pb.ListJobsRequest(states=[0])), grpc.StatusCode.INVALID_ARGUMENT),
        (stub.ListJobs(pb.ListJobsRequest(page_token="x")), grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            await call
        assert refused.value.code() is code


async def test_dead_letters_are_listed_replayed_and_purged(stub: Any, store: InMemoryJobStore) -> None:
    """A filter says which; to replay or purge it must name the queue."""
    first, second = await failed(stub, store), await failed(stub, store)
    letters = (await stub.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters
    assert [(letter.queue, letter.job_id, letter.reason) for letter in letters] == [
        ("invalid_pdfs", second, "CORRUPT"),
        ("invalid_pdfs", first, "CORRUPT"),
    ]
    wanted = pb.DeadLetterFilter(queue="invalid_pdfs", reason="CORRUPT", time_before=letters[0].time)
    assert (await stub.ReplayDeadLetters(pb.ReplayDeadLettersRequest(filter=wanted))).replayed_count == 1
    everything = pb.DeadLetterFilter(queue="invalid_pdfs")
    assert (await stub.PurgeDeadLetters(pb.PurgeDeadLettersRequest(filter=everything))).purged_count == 1
    with pytest.raises(grpc.RpcError) as refused:
        await stub.PurgeDeadLetters(pb.PurgeDeadLettersRequest())
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_full_store_says_when_to_come_back(stub: Any, service: GatewayService, store: InMemoryJobStore) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo, which is not UNAVAILABLE: nothing is broken."""
    store.memory_used_ratio = 0.9
    while (await service.health()).refusal is None:
        pass
    with pytest.raises(grpc.RpcError) as refused:
        await stub.SubmitPDF(pb.SubmitPDFRequest(url=URL))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    error = error_from_rpc(refused.value, "here")
    assert (error.reason, error.retry_after_seconds) == ("STORE_FULL", 10)


async def test_a_watch_ends_with_unavailable_at_a_stop(stub: Any, hub: WatchHub) -> None:
    """OK would say that its longest time is over; UNAVAILABLE makes every client of gRPC come back."""
    job = (await stub.SubmitPDF(pb.SubmitPDFRequest(url=URL))).job
    messages = aiter(stub.WatchStatus(pb.WatchStatusRequest(job_id=job.id), timeout=60))
    assert (await anext(messages)).job.state == job_pb2.JOB_STATE_QUEUED
    hub.stop()
    with pytest.raises(grpc.RpcError) as ended:
        async for _ in messages:
            pass
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    error = error_from_rpc(ended.value, "here")
    assert (error.reason, error.retry_after_seconds) == ("GATEWAY_STOPPING", 1)


async def test_a_watch_that_shows_the_end_of_its_job_ends_with_ok_though_a_stop_has_come(
    stub: Any, hub: WatchHub
) -> None:
    """There is nothing to come back for."""
    job = (await stub.SubmitPDF(pb.SubmitPDFRequest(url=URL))).job
    await stub.CancelJob(pb.CancelJobRequest(job_id=job.id))
    hub.stop()
    call = stub.WatchStatus(pb.WatchStatusRequest(job_id=job.id))
    assert [message.job.state async for message in call] == [job_pb2.JOB_STATE_CANCELLED]
    assert await call.code() is grpc.StatusCode.OK


async def test_a_long_poll_is_answered_at_a_stop(stub: Any, hub: WatchHub) -> None:
    """With the job as it is, long before the wait is over."""
    job = (await stub.SubmitPDF(pb.SubmitPDFRequest(url=URL))).job
    hub.stop()
    read = await stub.GetStatus(pb.GetStatusRequest(job_id=job.id, wait=Duration(seconds=60)), timeout=10)
    assert read.job.state == job_pb2.JOB_STATE_QUEUED


async def test_a_watch_of_the_health_ends_at_a_stop(service: GatewayService, hub: WatchHub) -> None:
    """It would go on for ever, and hold up the stop."""
    health = HealthTranslator(service)
    context = Context()
    watch = health.watch(HealthCheckRequest(), context)
    assert (await anext(watch)).status == HealthCheckResponse.SERVING
    hub.stop()
    assert (await asyncio.wait_for(anext(watch), 10)).status == HealthCheckResponse.NOT_SERVING
    assert await anext(watch, None) is None
    assert context.code is grpc.StatusCode.UNAVAILABLE
