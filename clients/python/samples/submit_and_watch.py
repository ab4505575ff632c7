"""Submit a PDF, watch it page by page, and print its summary.

Usage: python submit_and_watch.py SOURCE, a URL or a path. The gateway is at PDFGATEWAY_ADDRESS, by default
localhost:9000.
"""

import os
import sys
from pathlib import Path

from pdfgateway import JobState, PDFGatewayClient


def main(source: str) -> None:
    """Take one PDF its whole way."""
    address = os.environ.get("PDFGATEWAY_ADDRESS", "localhost:9000")
    with PDFGatewayClient(address) as client:
        submitted = client.submit(source if "://" in source else Path(source), labels={"sample": "submit_and_watch"})
        print(f"submitted {submitted.id}")
        for job in client.watch(submitted.id):
            pages = f"page {job.progress.pages_done} of {job.progress.page_count}" if job.progress else ""
            print(f"{job.state} {pages}".rstrip())
        job = client.status(submitted.id)
    assert job.state is JobState.SUCCEEDED, job.error
    assert job.result is not None
    print(f"{job.result.page_count} pages, {job.result.word_count} words:\n\n{job.result.summary}\n")
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
