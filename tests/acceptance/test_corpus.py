"""Every file of the corpus, by both protocols with the same result; no consumer dies of any."""

import csv
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from pdfgateway import Job, PDFGatewayClient
from tests.acceptance.gateway_process import RunningGateway

CORPUS = Path("../shared/corpus")
SECONDS_MAX = 120

UNREADABLE_BY_PYPDF = {
    # Its page tree refers to pages that are none: one page of two is found.
    "hostile__pdfjs__Pages-tree-refs.pdf",
    # Its page tree is deeper than pypdf goes, and ends in a loop: CORRUPT.
    "hostile__qpdf__deep-pages.pdf",
    # Its only page is drawn by an image format that pypdf leaves to a program of another's: UNSUPPORTED.
    "hostile__pdfjs__bomb_giant.pdf",
}

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the project")


@dataclasses.dataclass(frozen=True)
class Row:
    """A file and what it must give."""

    name: str
    expected: str
    pages: int | None

    @property
    def path(self) -> Path:
        return CORPUS / self.name


def rows() -> list[Row]:
    """The manifest."""
    with (CORPUS / "MANIFEST.csv").open() as file:
        return [
            Row(row["name"], row["expected"], int(row["pages"]) if row["pages"] else None)
            for row in csv.DictReader(file)
        ]


def shortcoming(row: Row, job: Job) -> str | None:
    """What is wrong with a job's end, by the manifest."""
    reason = job.error.reason if job.error else None
    warnings = {warning.reason for warning in job.result.warnings} if job.result else set()
    pages = job.result.page_count if job.result else None
    has_text = bool(job.result and job.result.char_count)
    match row.expected:
        case "ok":
            good = pages == row.pages and has_text
        case "empty-text":
            good = pages == row.pages and "NO_TEXT" in warnings
        case "ok-or-empty":
            good = pages == row.pages and (has_text or "NO_TEXT" in warnings)
        case "encrypted":
            good = reason == "ENCRYPTED"
        case "invalid":
            good = reason in ("NOT_A_PDF", "CORRUPT")
        case other:
            raise AssertionError(f"the manifest has a word that is not known here: {other}")
    if good:
        return None
    return (
        f"{row.name}: expected {row.expected} ({row.pages} pages), is {job.state} {reason} {pages} {sorted(warnings)}"
    )


def by_rest(gateway: RunningGateway, row: Row) -> dict[str, object]:
    """The file's terminal job over HTTP alone. One that is refused at once is told by its reason."""
    with row.path.open("rb") as file:
        accepted = requests.post(f"{gateway.http_url}/v1/jobs", files={"file": (row.name, file)}, timeout=30)
    if accepted.status_code == 400:
        return {"state": "REFUSED", "violations": accepted.json()["violations"]}
    assert accepted.status_code == 202, accepted.text
    job: dict[str, object] = {}
    for _ in range(3):
        job = requests.get(gateway.http_url + accepted.headers["location"] + "?wait=60s", timeout=70).json()
        if job["state"] in ("SUCCEEDED", "FAILED"):
            break
    return job


def by_grpc(gateway: RunningGateway, url: str) -> Job:
    """The file's terminal job over gRPC alone, fetched from an origin."""
    with PDFGatewayClient(gateway.grpc_address) as client:
        return client.wait(client.submit(url).id, timeout_seconds=SECONDS_MAX)


@pytest.mark.timeout(300)
def test_every_file_ends_as_its_manifest_says_on_both_protocols(gateway: RunningGateway, corpus_url: str) -> None:
    """ok, empty, encrypted or invalid: as the manifest says, and the same over gRPC and HTTP."""
    consumers = {process.pid for process in gateway.replicas("PDFProcessor")}
    files = rows()
    with ThreadPoolExecutor(2) as pool:
        rpc_jobs = list(pool.map(lambda row: by_grpc(gateway, f"{corpus_url}/{row.name}"), files))
        rest_jobs = list(pool.map(lambda row: by_rest(gateway, row), files))
    wrong = []
    for row, job, rest in zip(files, rpc_jobs, rest_jobs, strict=True):
        problem = shortcoming(row, job)
        if (problem is not None) != (row.name in UNREADABLE_BY_PYPDF):
            wrong.append(problem or f"{row.name} is listed as unreadable, but is as it should be: take it off the list")
        if rest["state"] == "REFUSED":
            # What is sent along is looked at before it is accepted; what is fetched, after.
            same = job.error is not None and job.error.reason == "NOT_A_PDF"
        else:
            same = rest["state"] == job.state.value and same_outcome(job, rest)
        if not same:
            wrong.append(f"{row.name}: {job.state} over gRPC, over HTTP {rest}")
    assert not wrong, "\n".join(wrong)
    assert {process.pid for process in gateway.replicas("PDFProcessor")} == consumers


def same_outcome(job: Job, rest: dict[str, object]) -> bool:
    """Whether both protocols tell the same of the result, or of the error."""
    error, result = rest.get("error"), rest.get("result")
    if job.error is not None:
        return isinstance(error, dict) and error["reason"] == job.error.reason
    if job.result is None or not isinstance(result, dict):
        return False
    names = ("page_count", "word_count", "char_count", "summary", "sha256")
    return all(result[name] == getattr(job.result, name) for name in names)
