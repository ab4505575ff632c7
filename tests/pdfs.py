"""PDFs made in memory for tests: good, odd and hostile ones, and things that are none."""

import random
import zlib
from functools import cache
from io import BytesIO

from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

LINES_PER_PAGE = 45
WORDS_PER_LINE = 11

_WORDS = [
    "the",
    "reader",
    "opens",
    "a",
    "long",
    "report",
    "and",
    "finds",
    "that",
    "every",
    "page",
    "holds",
    "plain",
    "sentences",
    "about",
    "rivers",
    "bridges",
    "markets",
    "weather",
    "harvests",
    "letters",
    "engines",
    "songs",
    "travellers",
    "maps",
    "winters",
    "gardens",
    "journeys",
    "teachers",
    "letters",
    "and",
    "machines",
]


@cache
def prose(pages: int = 3, *, title: str = "A plain report", author: str = "Somebody") -> bytes:
    """A document of `pages` full pages of made-up prose, the same for the same arguments."""
    words = random.Random(pages)  # noqa: S311  (nothing secret: it only has to look like prose)
    file = BytesIO()
    canvas = Canvas(file, invariant=1)
    canvas.setTitle(title)
    canvas.setAuthor(author)
    for page_number in range(1, pages + 1):
        text = canvas.beginText(72, 770)
        text.textLine(f"This is page {page_number} of {pages}.")
        for _ in range(LINES_PER_PAGE):
            text.textLine(f"{' '.join(words.choices(_WORDS, k=WORDS_PER_LINE)).capitalize()}.")
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@cache
def blank(pages: int = 1) -> bytes:
    """A document of empty pages."""
    file = BytesIO()
    canvas = Canvas(file, invariant=1)
    for _ in range(pages):
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@cache
def encrypted(user_password: str = "open sesame", *, algorithm: str = "AES-256") -> bytes:  # noqa: S107  (a test's)
    """A document that opens with `user_password` only; with "" it opens for everybody, and is encrypted still."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(prose(1))))
    writer.encrypt(user_password, owner_password="owner", algorithm=algorithm)
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


def encrypted_by_certificate() -> bytes:
    """A document whose security handler is that of certificates."""
    return _document([_CATALOG, _pages(b"[]", 0)], trailer=b"/Encrypt << /Filter /Adobe.PubSec /V 4 >>")


def truncated(pages: int = 3) -> bytes:
    """A document of which the second half is missing."""
    whole = prose(pages)
    return whole[: len(whole) // 2]


def without_startxref(pages: int = 3) -> bytes:
    """A whole document that does not say where its cross-reference table lies."""
    return prose(pages).replace(b"startxref", b"farbage")


def page_tree_loop() -> bytes:
    """A document of one page whose page tree also holds its own root."""
    return _document([_CATALOG, _pages(b"[3 0 R 2 0 R]", 1), _page(b"/Contents 5 0 R"), _FONT, _stream(_HELLO)])


def without_pages() -> bytes:
    """A document with an empty page tree."""
    return _document([_CATALOG, _pages(b"[]", 0)])


def one_broken_page() -> bytes:
    """A document of three pages; the second one's content is compressed by a method that nobody knows."""
    return _document(
        [
            _CATALOG,
            _pages(b"[3 0 R 6 0 R 3 0 R]", 3),
            _page(b"/Contents 5 0 R"),
            _FONT,
            _stream(_HELLO),
            _page(b"/Contents 7 0 R"),
            _stream(_HELLO, b"/Filter /NoSuchDecode"),
        ]
    )


def broken_pages() -> bytes:
    """A document with one page, which cannot be read."""
    return _content(_HELLO, b"/Filter /NoSuchDecode")


def html() -> bytes:
    """A page of the web that an origin sends instead of the PDF."""
    return b"<!DOCTYPE html><html><title>Sign in</title><body>Please sign in to read this document.</body></html>"


def cpu_burner(operations: int = 900_000) -> bytes:
    """10 kB, and one page that costs pypdf more than 10 s: so many operators, each of which shows one letter."""
    return _content(zlib.compress(b"BT /F1 12 Tf 10 700 Td " + b"(A) Tj " * operations + b"ET", 9), _FLATE)


def decompression_bomb(megabytes: int = 100) -> bytes:
    """A thousandth of `megabytes`, which its page's content unpacks to."""
    return _content(zlib.compress(b" " * megabytes * 1_000_000, 9), _FLATE)


def many_pages(pages: int) -> bytes:
    """A small document of so many pages, which all show the same."""
    return _document(
        [_CATALOG, _pages(b"[" + b"3 0 R " * pages + b"]", pages), _page(b"/Contents 5 0 R"), _FONT, _stream(_HELLO)]
    )


def wordy(megabytes: int) -> bytes:
    """One page that gives more than so many megabytes of text, in few operators."""
    line = b"(" + b"word " * 2_000 + b") Tj "
    return _content(zlib.compress(b"BT /F1 12 Tf 10 700 Td " + line * (megabytes * 100 + 1) + b"ET", 9), _FLATE)


_CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
_FLATE = b"/Filter /FlateDecode"
_HELLO = b"BT /F1 12 Tf 72 700 Td (Hello, reader.) Tj ET"


def _content(stream: bytes, stream_entries: bytes) -> bytes:
    """A document of one page with this content stream."""
    page = _page(b"/Contents 5 0 R")
    return _document([_CATALOG, _pages(b"[3 0 R]", 1), page, _FONT, _stream(stream, stream_entries)])


def _pages(kids: bytes, count: int) -> bytes:
    return b"<< /Type /Pages /Count %d /Kids %s >>" % (count, kids)


def _page(entries: bytes) -> bytes:
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 4 0 R >> >> "
        + entries
        + b" >>"
    )


def _stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def _document(objects: list[bytes], *, trailer: bytes = b"") -> bytes:
    """A file of these objects, numbered from 1; the first is the catalog."""
    file = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, written in enumerate(objects, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(file))
    return bytes(file + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end)
