"""Watching a long document: its pages, the times of its messages, and a connection that breaks on the way."""

import statistics
import time

import grpc
import pytest

from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway

MESSAGE_SECONDS_MAX = 0.25
SUCCEEDED = 4


@pytest.fixture(scope="module")
def long_document() -> bytes:
    """200 pages."""
    return pdfs.prose(200)


def test_two_hundred_pages_tick_by(stub: PDFGatewayServiceStub, long_document: bytes) -> None:
    """At least ten page counts are seen, seq rises, the first message comes at once, and the last one soon."""
    stub.SubmitPDF(pb.SubmitPDFRequest(content=long_document), timeout=20)  # warms both sides up
    first_seconds, last_seconds, counts = [], [], []
    for _ in range(3):
        job = stub.SubmitPDF(pb.SubmitPDFRequest(content=long_document), timeout=20).job
        start = time.monotonic()
        call = stub.WatchStatus(pb.WatchStatusRequest(job_id=job.id), timeout=60)
        jobs = []
        for message in call:
            if not jobs:
                first_seconds.append(time.monotonic() - start)
            if message.HasField("job"):
                jobs.append(message.job)
        # Both clocks are this machine's.
        last_seconds.append(time.time() - jobs[-1].end_time.ToMicroseconds() / 1e6)
        assert call.code() is grpc.StatusCode.OK
        assert [seen.seq for seen in jobs] == sorted({seen.seq for seen in jobs})
        assert jobs[-1].state == SUCCEEDED
        assert jobs[-1].result.page_count == 200
        counts.append(len({seen.progress.pages_done for seen in jobs if seen.HasField("progress")}))
    assert min(counts) >= 10
    assert statistics.median(first_seconds) <= MESSAGE_SECONDS_MAX
    assert statistics.median(last_seconds) <= MESSAGE_SECONDS_MAX


def test_a_broken_connection_loses_no_terminal_state(
    gateway: RunningGateway, stub: PDFGatewayServiceStub, long_document: bytes
) -> None:
    """Who comes back with the last seq gets what came since, and never the same again."""
    job = stub.SubmitPDF(pb.SubmitPDFRequest(content=long_document), timeout=20).job
    seen = 0
    with grpc.insecure_channel(gateway.grpc_address) as channel:
        call = PDFGatewayServiceStub(channel).WatchStatus(pb.WatchStatusRequest(job_id=job.id), timeout=60)
        for message in call:
            seen = message.job.seq
            if message.job.progress.pages_done >= 20:
                break
    # Leaving the block closed the channel, and with it the connection, in the middle of the stream.
    resumed = list(stub.WatchStatus(pb.WatchStatusRequest(job_id=job.id, after_seq=seen), timeout=60))
    jobs = [message.job for message in resumed if message.HasField("job")]
    assert all(one.seq > seen for one in jobs)
    assert jobs[-1].state == SUCCEEDED
