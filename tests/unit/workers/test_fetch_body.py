"""What becomes of a body's chunks: limits, gzip, and the look at its beginning."""

import gzip
from collections.abc import Iterator

import pytest

from workers.fetch.body import CHUNK_BYTES_MAX, as_pdf, decoded, within_size
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure

URL = SourceUrl.parse("https://example.com/a.pdf?SECRET")
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 1000


def cut(body: bytes, chunk_bytes: int) -> Iterator[bytes]:
    """The body in chunks."""
    return (body[at : at + chunk_bytes] for at in range(0, len(body), chunk_bytes))


def reason_of(chunks: Iterator[bytes]) -> FailureReason:
    """Why reading the chunks fails."""
    with pytest.raises(JobFailure) as failure:
        list(chunks)
    assert "SECRET" not in str(failure.value)
    return failure.value.reason


def test_a_body_of_the_largest_size_passes() -> None:
    """The limit itself is allowed."""
    assert b"".join(within_size(URL, cut(PDF, 1000), len(PDF))) == PDF


def test_a_body_one_byte_too_large_does_not_pass() -> None:
    """No byte beyond the limit is handed on."""
    passed = bytearray()
    with pytest.raises(JobFailure) as failure:
        passed.extend(b"".join(within_size(URL, cut(PDF, 1), 99)))
    assert failure.value.reason is FailureReason.TOO_LARGE
    assert len(passed) <= 99


@pytest.mark.parametrize("coding", ["", "identity"])
def test_a_body_without_coding_passes_as_it_is(coding: str) -> None:
    """What is not coded is not touched."""
    assert b"".join(decoded(URL, cut(PDF, 1000), coding)) == PDF


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000, 10**6])
def test_gzip_is_undone_in_chunks_of_any_size(chunk_bytes: int) -> None:
    """RFC 1952, with several members, however the network cuts it."""
    coded = gzip.compress(PDF[:1000]) + gzip.compress(b"") + gzip.compress(PDF[1000:])
    assert b"".join(decoded(URL, cut(coded, chunk_bytes), "gzip")) == PDF


def test_a_bomb_is_decoded_little_by_little() -> None:
    """A chunk that decodes to a thousand times its size is never held decoded as a whole."""
    bomb = gzip.compress(bytes(20_000_000))
    sizes_bytes = [len(chunk) for chunk in decoded(URL, iter([bomb]), "gzip")]
    assert max(sizes_bytes) <= CHUNK_BYTES_MAX
    assert sum(sizes_bytes) == 20_000_000


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip,gzip,gzip,gzip,gzip,gzip"])
def test_another_coding_is_refused(coding: str) -> None:
    """Identity was asked for; codings upon codings multiply the work that one byte causes."""
    assert reason_of(decoded(URL, cut(PDF, 1000), coding)) is FailureReason.NOT_A_PDF


@pytest.mark.parametrize("coded", [PDF, gzip.compress(PDF) + b"garbage", b"\x1f\x8b" + bytes(100)])
def test_what_is_no_gzip_is_no_pdf(coded: bytes) -> None:
    """A repeat of the request would bring the same."""
    assert reason_of(decoded(URL, cut(coded, 1000), "gzip")) is FailureReason.NOT_A_PDF


def test_nothing_is_nothing_in_any_coding() -> None:
    """An empty body is empty, even where its header says that it is gzip."""
    assert list(decoded(URL, iter([]), "gzip")) == []


@pytest.mark.parametrize("kept_bytes", [1, 5, -1])
def test_a_gzip_without_its_end_is_a_broken_transfer(kept_bytes: int) -> None:
    """A repeat of the request may bring the rest."""
    coded = gzip.compress(PDF)[:kept_bytes]
    assert reason_of(decoded(URL, cut(coded, 1000), "gzip")) is FailureReason.SOURCE_UNREACHABLE


@pytest.mark.parametrize("chunk_bytes", [1, 3, 1024, 10**6])
def test_a_pdf_passes_whole(chunk_bytes: int) -> None:
    """The bytes that were held back for the look at them are handed on too."""
    body = b"\n" * 500 + PDF
    assert b"".join(as_pdf(URL, cut(body, chunk_bytes), None)) == body


def test_a_pdf_is_known_as_soon_as_its_header_came() -> None:
    """Nobody waits for 1,024 bytes when five have said it."""
    assert next(as_pdf(URL, iter([b"%P", b"DF-", b"never"]), None)) == b"%PDF-"


def test_what_is_no_pdf_is_not_read_on() -> None:
    """After 1,024 bytes without a header no more is read."""
    chunks = cut(bytes(5000), 100)
    assert reason_of(as_pdf(URL, chunks, None)) is FailureReason.NOT_A_PDF
    assert sum(len(chunk) for chunk in chunks) == 5000 - 1100


@pytest.mark.parametrize(
    ("body", "media_type", "message"),
    [
        (b"", "application/pdf", "its body is empty"),
        (b"<html>", "text/html", "it is served as text/html, and its first 1,024 bytes hold no PDF header"),
        (b"<html>", None, "its first 1,024 bytes hold no PDF header"),
    ],
)
def test_the_message_says_what_came_instead(body: bytes, media_type: str | None, message: str) -> None:
    """Whoever reads it should see what the origin served."""
    with pytest.raises(JobFailure) as failure:
        list(as_pdf(URL, iter([body]), media_type))
    assert failure.value.message == f"https://example.com/a.pdf?… is not a PDF: {message}"
