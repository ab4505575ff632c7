"""The first thing a stranger sees: a real PDF goes in over gRPC, its pages tick by, and its summary comes out."""

from collections.abc import Callable
from pathlib import Path

from gateway.settings import Settings
from pdfgateway import Job, PDFGatewayClient

SAMPLE = Path(__file__).with_name("sample.pdf")
SAMPLE_SECONDS_MAX = 60


class SampleFailed(RuntimeError):
    """The sample PDF was not processed, so something is wrong with this installation."""


def run_sample(settings: Settings, say: Callable[[str], None]) -> None:
    """Process the sample by the Python client, show it live, and say what to try next.

    Raises:
        SampleFailed: the job did not succeed.
    """
    address = f"{settings.host}:{settings.grpc_port}"
    say(f"\nThe sample, {SAMPLE.name} ({SAMPLE.stat().st_size} bytes), over gRPC:")
    with PDFGatewayClient(address) as client:
        submitted = job = client.submit(SAMPLE)
        say(f"  job {submitted.id}")
        for job in client.watch(submitted.id, timeout_seconds=SAMPLE_SECONDS_MAX):
            say(f"  {_line(job)}")
    result = job.result
    if result is None:
        raise SampleFailed(f"The sample job ended as {job.state}: {job.error}")
    pages, words = result.page_count, result.word_count
    say(f"\n{pages} pages, {words} words, read in {result.processing_seconds:.2f} s. Summary:\n")
    for paragraph in result.summary.split("\n\n"):
        say(f"  {paragraph}\n")
    say("Try next, in another terminal:")
    base = f"http://{settings.host}:{settings.http_port}"
    say(f"  curl -F file=@gateway/sample.pdf {base}/v1/jobs")
    say(f'  grpcurl -plaintext -d \'{{"job_id": "{job.id}"}}\' {address} pdfgateway.v1.PDFGatewayService/WatchStatus')
    say(f"  .venv/bin/pdfgateway --address {address} submit gateway/sample.pdf --watch\n")


def _line(job: Job) -> str:
    progress = job.progress
    if progress is None or not progress.page_count:
        return job.state.value
    return f"{job.state.value:<10}  page {progress.pages_done} of {progress.page_count}"
