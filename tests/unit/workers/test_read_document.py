"""Which page failures a document survives."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO

import pytest

from workers.extract.engine import Document, Engine, PageFailure
from workers.extract.events import Event, Finished, Opened, PageFailed, PageRead
from workers.extract.read_document import PAGE_TEXT_BYTES_MAX, read_document
from workers.jobs.failure import FailureReason, JobFailure


class ScriptedDocument:
    """A document that gives, page by page, these texts and failures."""

    repaired = False
    metadata: Mapping[str, str] = {"title": "Script"}

    def __init__(self, pages: list[str | Exception]) -> None:
        self._pages = pages
        self.page_count = len(pages)

    def page_text(self, page_number: int) -> str:
        page = self._pages[page_number - 1]
        if isinstance(page, Exception):
            raise page
        return page


class ScriptedEngine:
    """An engine whose every document is this one."""

    name = "script"

    def __init__(self, *pages: str | Exception) -> None:
        self._pages = list(pages)

    def preload(self) -> None:
        """Nothing to load."""

    @contextmanager
    def open(self, file: BinaryIO, *, pages_max: int) -> Iterator[Document]:  # noqa: ARG002  (an engine's signature)
        yield ScriptedDocument(self._pages)


def read(*pages: str | Exception) -> list[Event]:
    """What reading these pages tells."""
    engine: Engine = ScriptedEngine(*pages)
    return list(read_document(engine, BytesIO(), pages_max=10))


def broken(reason: FailureReason = FailureReason.CORRUPT) -> PageFailure:
    """A page that cannot be read."""
    return PageFailure(reason, "It is broken.")


def test_pages_are_told_in_order_and_counted_from_1() -> None:
    """A document is opened, read page by page, and finished."""
    assert read("one", "") == [
        Opened("script", 2, {"title": "Script"}, repaired=False),
        PageRead(1, "one"),
        PageRead(2, ""),
        Finished(0),
    ]


def test_one_broken_page_does_not_fail_the_document() -> None:
    """The page is told as failed, with its reason, and the others are read."""
    failed = PageFailed(2, FailureReason.CORRUPT, "It is broken.")
    assert read("one", broken(), "three")[1:] == [PageRead(1, "one"), failed, PageRead(3, "three"), Finished(1)]


@pytest.mark.parametrize(
    ("reasons", "reason"),
    [
        ([FailureReason.CORRUPT], FailureReason.CORRUPT),
        ([FailureReason.UNSUPPORTED, FailureReason.UNSUPPORTED], FailureReason.UNSUPPORTED),
        ([FailureReason.UNSUPPORTED, FailureReason.MEMORY_LIMIT], FailureReason.CORRUPT),
    ],
)
def test_a_document_without_a_readable_page_fails(reasons: list[FailureReason], reason: FailureReason) -> None:
    """It fails with the reason that its pages share, or else as CORRUPT."""
    with pytest.raises(JobFailure) as failed:
        read(*map(broken, reasons))
    assert failed.value.reason is reason
    assert "It is broken." in failed.value.message


def test_a_failure_of_the_job_ends_the_reading() -> None:
    """What no page can be read after fails the document at once."""
    with pytest.raises(JobFailure) as failed:
        read("one", JobFailure(FailureReason.MEMORY_LIMIT, "No memory."), "three")
    assert failed.value.reason is FailureReason.MEMORY_LIMIT


def test_a_page_with_too_much_text_fails() -> None:
    """The limit of one page's text is in bytes, and other pages are read in spite of it."""
    most = "水" * (PAGE_TEXT_BYTES_MAX // 3)
    events = read(most, f"{most}水", "three")
    assert [type(event) for event in events[1:-1]] == [PageRead, PageFailed, PageRead]
    assert isinstance(events[2], PageFailed)
    assert events[2].reason is FailureReason.OUTPUT_LIMIT
