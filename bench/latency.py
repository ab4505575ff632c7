"""How soon a caller knows: from submission to the first message, page and result; and from the end to its news."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import grpc

from bench.documents import dense_pdf
from bench.figure import Figure, Goal
from bench.gateways import WHOLE, Gateways
from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub

PAGES = 200
JOBS = 5
JOB_SECONDS_MAX = 120
MESSAGE_GOAL = Goal("<=", 250)
"""Milliseconds, as the median on an otherwise idle machine."""
PAGE_COUNTS_GOAL = Goal(">=", 10)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one watch has seen, in seconds."""

    to_first_message: float
    """From the call of WatchStatus."""
    to_first_page: float
    """From the call of SubmitPDF, as the next one."""
    to_result: float
    after_end: float
    """From the job's end, by Redis' clock, to its message."""
    page_counts: int
    """Distinct counts of pages seen."""


def measure(gateways: Gateways) -> list[Figure]:
    """Medians over some jobs, one after another."""
    (whole,) = gateways.need(WHOLE)
    pdf = dense_pdf(PAGES)
    with grpc.insecure_channel(whole.grpc_address) as channel:
        stub = PDFGatewayServiceStub(channel)
        _watched(stub, pdf)  # the first one warms up
        seen = [_watched(stub, pdf) for _ in range(JOBS)]

    def milliseconds(what: str, seconds: Iterator[float], goal: Goal | None = None) -> Figure:
        values = sorted(1000 * second for second in seconds)
        return Figure(what, median(values), "ms", goal, f"{values[0]:.0f} to {values[-1]:.0f} ms, {len(values)} jobs")

    return [
        milliseconds("watch to first message", (one.to_first_message for one in seen), MESSAGE_GOAL),
        milliseconds("end of job to its message", (one.after_end for one in seen), MESSAGE_GOAL),
        milliseconds(f"submit to first page of {PAGES}", (one.to_first_page for one in seen)),
        milliseconds(f"submit to result of {PAGES} pages", (one.to_result for one in seen)),
        Figure("distinct page counts seen", min(one.page_counts for one in seen), "", PAGE_COUNTS_GOAL, "the fewest"),
    ]


def _watched(stub: PDFGatewayServiceStub, pdf: bytes) -> _Seen:
    submitted = time.time()
    job = stub.SubmitPDF(pb.SubmitPDFRequest(content=pdf, filename="dense.pdf"), timeout=JOB_SECONDS_MAX).job
    watched = time.time()
    arrivals: list[tuple[float, job_pb2.Job]] = [
        (time.time(), message.job)
        for message in stub.WatchStatus(pb.WatchStatusRequest(job_id=job.id), timeout=JOB_SECONDS_MAX)
        if message.HasField("job")
    ]
    last_time, last = arrivals[-1]
    if last.state != job_pb2.JOB_STATE_SUCCEEDED:
        raise RuntimeError(f"The job ended as {job_pb2.JobState.Name(last.state)}: {last.error.message}")
    return _Seen(
        to_first_message=arrivals[0][0] - watched,
        to_first_page=next(arrival for arrival, seen in arrivals if seen.progress.pages_done) - submitted,
        to_result=last_time - submitted,
        after_end=last_time - last.end_time.ToNanoseconds() / 1e9,
        page_counts=len({seen.progress.pages_done for _, seen in arrivals}),
    )
