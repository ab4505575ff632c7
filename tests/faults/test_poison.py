"""A PDF whose parsing kills its process ends as POISON after three attempts, and delays nobody else."""

import contextlib
import math
import threading
import time
from collections.abc import Iterator
from statistics import quantiles

import psutil
import pytest

from pdfgateway import AttemptState, Job, JobState, PDFGatewayClient
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway
from tests.faults.conftest import NoteFigure
from tests.faults.injuries import is_zygote

GOOD_JOBS = 50
GOOD_JOB_SECONDS = 0.2
"""From one good job to the next."""
GOOD_CPU_SECONDS_MAX = 1.0
"""A process that reads one of the good PDFs is done long before."""
ATTEMPTS = 3
RATIO_MAX = 2
RATIOS_MAX = 3


@contextlib.contextmanager
def killing_readers_of_heavy_pdfs(gateway: RunningGateway) -> Iterator[list[int]]:
    """kill -9 of each process that reads a PDF for too long: to the gateway, a PDF that crashes its parser."""
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(0.1):
            for process in gateway.processes():
                with contextlib.suppress(psutil.NoSuchProcess):
                    is_reader = "workers.sandbox.zygote" in " ".join(process.cmdline()) and not is_zygote(process)
                    if is_reader and process.cpu_times().user > GOOD_CPU_SECONDS_MAX:
                        process.kill()
                        killed.append(process.pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def p95_latency_seconds(client: PDFGatewayClient) -> float:
    """Submit good jobs at a steady rate; from submission to end, what 19 of 20 keep below."""
    ids = []
    for _ in range(GOOD_JOBS):
        ids.append(client.submit(pdfs.prose(3)).id)
        time.sleep(GOOD_JOB_SECONDS)  # the rate, not a wait
    latencies = []
    for job_id in ids:
        job = client.wait(job_id, timeout_seconds=60)
        assert job.state is JobState.SUCCEEDED
        assert job.end_time is not None
        latencies.append((job.end_time - job.create_time).total_seconds())
    return quantiles(latencies, n=20)[-1]


def poison_beside_good_jobs(gateway: RunningGateway, client: PDFGatewayClient) -> tuple[Job, float]:
    """A PDF whose readers are killed, as it ends; and the p95 latency of good jobs beside it, against undisturbed."""
    with killing_readers_of_heavy_pdfs(gateway) as killed:
        # Undisturbed by poison; the killer costs a part of a core itself.
        undisturbed_seconds = p95_latency_seconds(client)
        assert not killed
        poison = client.submit(pdfs.cpu_burner())
        disturbed_seconds = p95_latency_seconds(client)
        job = client.wait(poison.id, timeout_seconds=60)
    assert len(killed) == ATTEMPTS
    return job, disturbed_seconds / undisturbed_seconds


@pytest.mark.timeout(300)
def test_a_pdf_that_kills_its_reader_is_poison_and_delays_nobody(
    fragile: RunningGateway, client: PDFGatewayClient, figure: NoteFigure
) -> None:
    """POISON after three attempts, each told on the job; the good jobs beside it succeed, at most twice as late."""
    ratios = []
    # What else the machine does can only make a ratio wrong, so the best of some is the nearest to the truth.
    while len(ratios) < RATIOS_MAX and min(ratios, default=math.inf) > RATIO_MAX:
        job, ratio = poison_beside_good_jobs(fragile, client)
        ratios.append(ratio)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.reason == "POISON"
    assert [attempt.state for attempt in job.attempts] == [AttemptState.FAILED] * ATTEMPTS
    reasons = [attempt.error.reason for attempt in job.attempts if attempt.error]
    assert reasons == ["PARSER_CRASHED", "PARSER_CRASHED", "POISON"]
    letter = next(letter for letter in client.dead_letters(queue="invalid_pdfs") if letter.job_id == job.id)
    assert (letter.reason, len(letter.attempts)) == ("POISON", ATTEMPTS)
    figure("P18 p95 of good jobs beside a poison PDF, against undisturbed", min(ratios), RATIO_MAX, "times")
