"""pypdf as an engine: small documents, read in this process."""

import logging
from collections.abc import Callable
from io import BytesIO

import pypdf
import pytest
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, PdfReadError

from tests import pdfs
from workers.extract.events import Event, Finished, Opened, PageFailed, PageRead
from workers.extract.pypdf_engine import LIMITS, PypdfEngine, failure_reason, page_tree_limits
from workers.extract.read_document import read_document
from workers.jobs.failure import FailureReason, JobFailure


def read(pdf: bytes, *, pages_max: int = 100) -> list[Event]:
    """What reading this PDF tells."""
    return list(read_document(PypdfEngine(), BytesIO(pdf), pages_max=pages_max))


def failure_of(pdf: bytes, *, pages_max: int = 100) -> JobFailure:
    """How this PDF fails."""
    with pytest.raises(JobFailure) as failed:
        read(pdf, pages_max=pages_max)
    return failed.value


def test_a_plain_document_is_read() -> None:
    """Its pages, their text in order, and what it says of itself."""
    opened, first, *_, last = read(pdfs.prose(3, title="On  rivers", author="Ada"))
    assert isinstance(opened, Opened)
    assert opened.engine == f"pypdf {pypdf.__version__}"
    assert opened.page_count == 3
    assert not opened.repaired
    assert opened.metadata.items() >= {"title": "On rivers", "author": "Ada"}.items()
    assert opened.metadata["creation_date"] == "2000-01-01T00:00:00+00:00"
    assert isinstance(first, PageRead)
    assert first.text.startswith("This is page 1 of 3.\n")
    assert len(first.text.splitlines()) == pdfs.LINES_PER_PAGE + 1
    assert last == Finished(0)


def test_an_empty_page_has_no_text() -> None:
    """A document without text is read all the same."""
    assert read(pdfs.blank(2))[1:] == [PageRead(1, ""), PageRead(2, ""), Finished(0)]


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256"])
def test_an_empty_user_password_opens(algorithm: str) -> None:
    """A document that everybody may open is read, whatever it is encrypted with; one with a password is not."""
    assert read(pdfs.encrypted("", algorithm=algorithm))[-1] == Finished(0)
    assert failure_of(pdfs.encrypted("secret", algorithm=algorithm)).reason is FailureReason.ENCRYPTED


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (pdfs.encrypted_by_certificate, FailureReason.ENCRYPTED),
        (pdfs.truncated, FailureReason.CORRUPT),
        (pdfs.html, FailureReason.CORRUPT),
        (bytes, FailureReason.CORRUPT),
        (pdfs.without_pages, FailureReason.CORRUPT),
        (pdfs.broken_pages, FailureReason.UNSUPPORTED),
        (pdfs.decompression_bomb, FailureReason.MEMORY_LIMIT),
    ],
)
def test_what_cannot_be_read_has_its_reason(make: Callable[[], bytes], reason: FailureReason) -> None:
    """Each way to be unreadable has its own name, and its message says which error pypdf met, not what with."""
    failure = failure_of(make())
    assert failure.reason is reason
    assert failure.__cause__ is None
    assert len(failure.message) < 200


def test_pages_are_limited() -> None:
    """A page too many is told by its number; a tree far too large is refused before it is held."""
    assert read(pdfs.many_pages(20), pages_max=20)[-1] == Finished(0)
    assert failure_of(pdfs.many_pages(21), pages_max=20).message == "the PDF has 21 pages; 20 are allowed"
    too_large = page_tree_limits(20)["page_tree_maximum_entries"] + 1
    assert failure_of(pdfs.many_pages(too_large), pages_max=20).reason is FailureReason.TOO_MANY_PAGES


def test_a_broken_page_is_told_by_its_number() -> None:
    """The pages around it are read."""
    events = read(pdfs.one_broken_page())
    assert [type(event) for event in events] == [Opened, PageRead, PageFailed, PageRead, Finished]
    assert isinstance(events[2], PageFailed)
    assert (events[2].page_number, events[2].reason) == (2, FailureReason.UNSUPPORTED)


@pytest.mark.parametrize(("pdf", "pages"), [(pdfs.without_startxref(3), 3), (pdfs.page_tree_loop(), 1)])
def test_damage_is_repaired_and_told(pdf: bytes, pages: int) -> None:
    """A document whose objects can be found, or whose page tree can be cut free of loops, is read and marked."""
    opened, *events = read(pdf)
    assert isinstance(opened, Opened)
    assert opened.repaired
    assert opened.page_count == pages
    assert events[-1] == Finished(0)


def test_a_document_without_its_end_is_not_repaired() -> None:
    """What was cut off must not pass for the whole, even if its first pages could be read."""
    whole = pdfs.without_startxref(3)
    assert failure_of(whole[: whole.rindex(b"%%EOF")]).reason is FailureReason.CORRUPT


def raised(error: Exception, *, during: Exception) -> Exception:
    """`error` as it is when raised while `during` was handled."""
    error.__context__ = during
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PdfReadError("any"), FailureReason.CORRUPT),
        (AttributeError("any"), FailureReason.CORRUPT),
        (RecursionError("any"), FailureReason.CORRUPT),
        (MemoryError(), FailureReason.MEMORY_LIMIT),
        (raised(PdfReadError("Error reading PDF file."), during=MemoryError()), FailureReason.MEMORY_LIMIT),
        (FileNotDecryptedError("any"), FailureReason.ENCRYPTED),
        (NotImplementedError("only Standard PDF encryption handler is available"), FailureReason.ENCRYPTED),
        (NotImplementedError("any"), FailureReason.UNSUPPORTED),
        (DependencyError("any"), FailureReason.UNSUPPORTED),
        (LimitReachedError("any"), FailureReason.MEMORY_LIMIT),
        (LimitReachedError("Maximum page tree entry limit reached"), FailureReason.TOO_MANY_PAGES),
    ],
)
def test_every_exception_has_a_reason(error: Exception, reason: FailureReason) -> None:
    """pypdf raises exceptions of every kind, and memory that ran out sometimes as something else."""
    assert failure_reason(error) is reason


def test_limits_hold_while_a_document_is_open_only() -> None:
    """pypdf's own configuration is what it was, before and after."""
    before = pypdf.get_configuration()
    with PypdfEngine().open(BytesIO(pdfs.prose(1)), pages_max=7):
        within = pypdf.get_configuration()
    assert within == LIMITS.with_overwrites(**page_tree_limits(7))
    assert within.jbig2dec_binary is None
    assert pypdf.get_configuration() == before


def test_pypdfs_warnings_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """They quote the document."""
    with caplog.at_level(logging.DEBUG):
        read(pdfs.without_startxref(1))
    assert not caplog.records
