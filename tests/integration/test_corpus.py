"""Real and broken PDFs, read in the sandbox: each gives what its manifest says."""

import csv
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from workers.extract.events import Opened, PageRead
from workers.fetch.pdf_header import HEADER_BYTES_MAX, has_pdf_header
from workers.jobs.failure import FailureReason, JobFailure
from workers.sandbox.sandbox import Sandbox
from workers.settings import WorkerSettings
from workers.summarize.lead import LeadSummarizer
from workers.summarize.paragraphs import RUN_CHARACTERS_MIN

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"

ROWS = list(csv.DictReader((CORPUS / "MANIFEST.csv").read_text().splitlines())) if CORPUS.is_dir() else []

pytestmark = pytest.mark.skipif(not ROWS, reason=f"the corpus of PDFs is not at {CORPUS}")

PYPDF_DIFFERS = {
    "hostile__pdfjs__Pages-tree-refs.pdf": "its second page is a loop of the page tree; pypdf gives the first one only",
    "hostile__pdfjs__bomb_giant.pdf": "its page's content is JBIG2 images, for which pypdf wants another program",
    "hostile__qpdf__deep-pages.pdf": "its page tree ends in a loop; the one page is in its count only",
}
"""What pypdf alone cannot read as the manifest has it, and why."""


@dataclass
class Outcome:
    """What reading a file came to."""

    page_count: int = 0
    texts: list[str] = field(default_factory=list)
    failure: FailureReason | None = None


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, Outcome]]:
    """What became of each file, by its name."""
    with closing(Sandbox(WorkerSettings(page_seconds_max=60))) as sandbox:
        yield {row["name"]: outcome_of(sandbox, CORPUS / row["name"]) for row in ROWS}


def outcome_of(sandbox: Sandbox, path: Path) -> Outcome:
    """What reading a file comes to; its header is looked at first, as by the fetch."""
    outcome = Outcome()
    with path.open("rb") as document:
        if not has_pdf_header(document.read(HEADER_BYTES_MAX)):
            return Outcome(failure=FailureReason.NOT_A_PDF)
        try:
            for event in sandbox.read(document, stop=lambda: False):
                if isinstance(event, Opened):
                    outcome.page_count = event.page_count
                if isinstance(event, PageRead):
                    outcome.texts.append(event.text)
        except JobFailure as failure:
            outcome.failure = failure.reason
    return outcome


def is_as_expected(row: dict[str, str], outcome: Outcome) -> bool:
    """Whether a file gave what its row of the manifest says."""
    has_text = any(text.strip() for text in outcome.texts)
    opened = outcome.failure is None and str(outcome.page_count) == row["pages"]
    return {
        "ok": opened and has_text,
        "empty-text": opened and not has_text,
        "ok-or-empty": opened,
        "encrypted": outcome.failure is FailureReason.ENCRYPTED,
        "invalid": outcome.failure in (FailureReason.NOT_A_PDF, FailureReason.CORRUPT),
    }[row["expected"]]


@pytest.mark.parametrize("name", [row["name"] for row in ROWS])
def test_a_file_gives_what_the_manifest_says(name: str, outcomes: dict[str, Outcome]) -> None:
    """Page counts, text or none, and reasons of failure; the few that pypdf cannot read are named above."""
    (row,) = [row for row in ROWS if row["name"] == name]
    assert is_as_expected(row, outcomes[name]) == (name not in PYPDF_DIFFERS), outcomes[name]


@pytest.mark.parametrize("name", [row["name"] for row in ROWS if row["expected"] == "ok" and int(row["pages"]) > 1])
def test_a_summary_is_shorter_than_the_document(name: str, outcomes: dict[str, Outcome]) -> None:
    """Three paragraphs are never the whole of a real document that is longer than one paragraph."""
    texts = outcomes[name].texts
    length = sum(len("".join(text.split())) for text in texts)
    summary = LeadSummarizer().summarize(texts, paragraphs_max=3)
    assert summary.text
    if length > RUN_CHARACTERS_MIN:
        assert len("".join(summary.text.split())) < length
