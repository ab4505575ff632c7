"""Reading a whole document with an engine: which page failures a document survives."""

from collections.abc import Iterator
from typing import BinaryIO

from workers.extract.engine import Document, Engine, PageFailure
from workers.extract.events import Event, Finished, Opened, PageFailed, PageRead
from workers.jobs.failure import FailureReason, JobFailure

PAGE_TEXT_BYTES_MAX = 4 * 1024 * 1024
"""UTF-8 text of one page: some 700,000 words. It bounds what a reader of the events must hold at once."""


def read_document(engine: Engine, file: BinaryIO, *, pages_max: int) -> Iterator[Event]:
    """Read the PDF in `file`, page by page, each told as soon as it is read.

    A page that cannot be read does not fail the document. If no page can be read, the document fails: with the
    pages' reason if they share one, else as CORRUPT.

    Raises JobFailure, as `Engine.open` and `Document.page_text` do.
    """
    with engine.open(file, pages_max=pages_max) as document:
        yield Opened(engine.name, document.page_count, document.metadata, document.repaired)
        failures: list[PageFailed] = []
        for page_number in range(1, document.page_count + 1):
            event = _read_page(document, page_number)
            if isinstance(event, PageFailed):
                failures.append(event)
            yield event
        if len(failures) == document.page_count:
            raise _no_page_read(failures)
        yield Finished(len(failures))


def _read_page(document: Document, page_number: int) -> PageRead | PageFailed:
    try:
        text = document.page_text(page_number)
    except PageFailure as failure:
        return PageFailed(page_number, failure.reason, failure.message)
    if len(text) * 4 > PAGE_TEXT_BYTES_MAX and len(text.encode()) > PAGE_TEXT_BYTES_MAX:
        return PageFailed(
            page_number,
            FailureReason.OUTPUT_LIMIT,
            f"it gives more than {PAGE_TEXT_BYTES_MAX:,} bytes of text",
        )
    return PageRead(page_number, text)


def _no_page_read(failures: list[PageFailed]) -> JobFailure:
    reasons = {failure.reason for failure in failures}
    reason = reasons.pop() if len(reasons) == 1 else FailureReason.CORRUPT
    return JobFailure(reason, f"none of {len(failures):,} pages can be read; page 1: {failures[0].message}")
