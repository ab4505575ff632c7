"""The first thing a stranger sees: a real PDF goes in over gRPC, its pages tick by, and its summary comes out."""

from collections.abc import Callable
from pathlib import Path

from pdfgateway import PDFGatewayClient

from gateway.settings import Settings

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
        job = client.submit(SAMPLE)
        say(f"  job {job.id}")
        for job in client.watch(job.id, timeout_seconds=SAMPLE_SECONDS_MAX):
            pages = ""
            if job.progress is not None and job.progress.page_count:
                pages = f"  page {job.progress.pages_done} of {job.progress.page_count}"
            say(f"  {job.state:<10}{pages}")
    if job.result is None:
        raise SampleFailed(f"The sample job ended as {job.state}: {job.error}")
    result = job.result
    say(f"\n{result.page_count} pages, {result.word_count} words, read in {result.processing_seconds:.2f} s. Summary:\n")
    for paragraph in result.summary.split("\n\n"):
        say(f"  {paragraph}\n")
    say("Try next, in another terminal:")
    base = f"http://{settings.host}:{settings.http_port}"
    say(f"  curl -F file=@gateway/sample.pdf {base}/v1/jobs")
    say(
        f"  grpcurl -plaintext -d '{{\"job_id\": \"{job.id}\"}}' {address} "
        "pdfgateway.v1.PDFGatewayService/WatchStatus"
    )
    say(f"  .venv/bin/pdfgateway --address {address} submit gateway/sample.pdf --watch\n")
