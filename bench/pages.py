"""Pages per second of the whole gateway, with all cores busy, against bare pypdf on as many cores.

Both per CPU second, which is what a busy core gives: so neither idle time nor other programs change the ratio.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.documents import dense_pdf
from bench.figure import Figure, Goal, ratio
from bench.gateways import WHOLE, Gateway, Gateways
from pdfgateway import PDFGatewayClient

GOAL = Goal(">=", 0.9)
PAGES = 200
JOBS_PER_ROUND = 4
ROUNDS = 3
JOB_SECONDS_MAX = 120


@dataclass(frozen=True, slots=True)
class _Round:
    pages_per_second: float
    pages_per_cpu_second: float


def measure(gateways: Gateways) -> list[Figure]:
    """Pages per CPU second, as a ratio to bare pypdf's."""
    (whole,) = gateways.need(WHOLE)
    pdf = dense_pdf(PAGES)
    with tempfile.TemporaryDirectory(prefix="pdfgateway-bench-") as folder:
        file = Path(folder, "dense.pdf")
        file.write_bytes(pdf)
        rounds = [(_bare_round(file), _gateway_round(whole, pdf)) for _ in range(ROUNDS)]
    bare = [pair[0] for pair in rounds]
    ours = [pair[1] for pair in rounds]
    bare_rate, our_rate = (median(one.pages_per_cpu_second for one in side) for side in (bare, ours))
    return [
        Figure(
            what=f"pages per busy core's second, gateway / bare pypdf, {PAGES}-page PDF",
            value=ratio([one.pages_per_cpu_second for one in ours], [one.pages_per_cpu_second for one in bare]),
            goal=GOAL,
            detail=f"{our_rate:.1f} : {bare_rate:.1f}",
        ),
        Figure(
            what=f"pages per second, gateway, {JOBS_PER_ROUND} jobs at once",
            value=median(one.pages_per_second for one in ours),
            unit="/s",
            detail=f"bare pypdf, {os.cpu_count()} processes: {median(one.pages_per_second for one in bare):.1f}/s",
        ),
    ]


def _bare_round(file: Path) -> _Round:
    begin = time.perf_counter()
    readers = [
        subprocess.Popen([sys.executable, "-m", "bench.bare_pypdf", file], stdout=subprocess.PIPE, text=True)
        for _ in range(os.cpu_count() or 1)
    ]
    cpu_seconds = [float(reader.communicate()[0]) for reader in readers]
    seconds = time.perf_counter() - begin
    pages = PAGES * len(readers)
    return _Round(pages / seconds, pages / sum(cpu_seconds))


def _gateway_round(gateway: Gateway, pdf: bytes) -> _Round:
    with PDFGatewayClient(gateway.grpc_address) as client:
        cpu_seconds, begin = gateway.cpu_seconds(), time.perf_counter()
        jobs = [client.submit(pdf, filename="dense.pdf") for _ in range(JOBS_PER_ROUND)]
        for job in jobs:
            client.wait(job.id, timeout_seconds=JOB_SECONDS_MAX)
        seconds, cpu_seconds = time.perf_counter() - begin, gateway.cpu_seconds() - cpu_seconds
    pages = PAGES * len(jobs)
    return _Round(pages / seconds, pages / cpu_seconds)
