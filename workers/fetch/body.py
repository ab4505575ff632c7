"""A body on its way through: its limits, its content coding, and the check that it is a PDF, chunk by chunk.

Generators over bytes without I/O of their own. The content coding is undone here and not by urllib3, which
reads on within one call for as long as what comes decodes to nothing.
"""

import zlib
from collections.abc import Iterable, Iterator

from workers.fetch.pdf_header import HEADER_BYTES_MAX, has_pdf_header
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure

CHUNK_BYTES_MAX = 64 * 1024
"""The most that is read, decoded and written at once."""

_GZIP = zlib.MAX_WBITS + 16


def within_size(url: SourceUrl, chunks: Iterable[bytes], bytes_max: int) -> Iterator[bytes]:
    """The same chunks. Raises JobFailure TOO_LARGE instead of handing on more than `bytes_max`."""
    size_bytes = 0
    for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > bytes_max:
            raise too_large(url, bytes_max)
        yield chunk


def too_large(url: SourceUrl, bytes_max: int) -> JobFailure:
    """The failure of a body that is larger than allowed."""
    return JobFailure(FailureReason.TOO_LARGE, f"{url} is larger than {bytes_max:,} bytes")


def decoded(url: SourceUrl, chunks: Iterable[bytes], content_coding: str) -> Iterator[bytes]:
    """The chunks without their content coding, which may be gzip though none was asked for (RFC 9110, 8.4.1).

    Raises JobFailure NOT_A_PDF for other codings and what is no gzip, SOURCE_UNREACHABLE without its end.
    """
    if content_coding in {"", "identity"}:
        yield from chunks
    elif content_coding in {"gzip", "x-gzip"}:
        yield from _gunzipped(url, chunks)
    else:
        raise JobFailure(FailureReason.NOT_A_PDF, f"{url} is served in a content coding nobody asked for")


def _gunzipped(url: SourceUrl, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """One gzip member after the other (RFC 1952, 2.2), in chunks of CHUNK_BYTES_MAX at most."""
    member = None
    for chunk in chunks:
        coded = chunk
        while coded:
            if member is None or member.eof:
                member = zlib.decompressobj(_GZIP)
            try:
                plain = member.decompress(coded, CHUNK_BYTES_MAX)
            except zlib.error:
                raise JobFailure(FailureReason.NOT_A_PDF, f"{url} is not the gzip that it says it is") from None
            coded = member.unused_data if member.eof else member.unconsumed_tail
            if plain:
                yield plain
    if member is not None and not member.eof:
        raise JobFailure(FailureReason.SOURCE_UNREACHABLE, f"the gzip body of {url} ended too early")


def as_pdf(url: SourceUrl, chunks: Iterator[bytes], media_type: str | None) -> Iterator[bytes]:
    """The same bytes, none of them before they are known to begin as a PDF. Raises JobFailure NOT_A_PDF."""
    head = b""
    for chunk in chunks:
        head += chunk
        if has_pdf_header(head):
            yield head
            yield from chunks
            return
        if len(head) >= HEADER_BYTES_MAX:
            break
    raise JobFailure(FailureReason.NOT_A_PDF, f"{url} is not a PDF: {_what_came(head, media_type)}")


def _what_came(head: bytes, media_type: str | None) -> str:
    if not head:
        return "its body is empty"
    served_as = f"it is served as {media_type}, and " if media_type else ""
    return f"{served_as}its first {HEADER_BYTES_MAX:,} bytes hold no PDF header"
