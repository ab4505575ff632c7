"""The engine of pure Python: pypdf, within its own limits. The only file that knows pypdf."""

import codecs
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib import import_module
from io import BytesIO
from typing import BinaryIO

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError
from pypdf.generic import ArrayObject, DictionaryObject

from workers.extract.clean_text import clean_line, clean_text
from workers.extract.engine import METADATA_CHARACTERS_MAX, METADATA_KEYS, PageFailure
from workers.jobs.failure import FailureReason, JobFailure

DECODED_BYTES_MAX = 32 * 1024 * 1024
"""Output of one filter of one stream. Real documents stay far below; bombs give 1,000 times their size."""

LIMITS = pypdf.Configuration(
    array_based_stream_maximum_output_length=DECODED_BYTES_MAX,
    brotli_maximum_output_length=DECODED_BYTES_MAX,
    lzw_maximum_output_length=DECODED_BYTES_MAX,
    maximum_declared_stream_length=DECODED_BYTES_MAX,
    run_length_maximum_output_length=DECODED_BYTES_MAX,
    zlib_maximum_output_length=DECODED_BYTES_MAX,
    stream_decoding_work_maximum_length=100_000_000,
    stream_filters_maximum_length=6,
    xform_maximum_invocations_per_extraction=1_000,
    jbig2dec_binary=None,  # no other program is ever started for a document
    disable_legacy_handling=True,
)
"""What pypdf may spend on one stream or page; the rest are its defaults. `page_tree_limits` adds the page tree's."""

_LAZY_CODECS = ("charmap", "cp932", "cp950", "gb18030", "gb2312", "gbk", "latin-1", "utf-16-be", "utf-16-le")
_LAZY_MODULES = ("_strptime", "brotli", "fontTools.cffLib", "json", "pypdf.filters")

_END_BYTES = 1024
_OBJECT = re.compile(rb"(\d{1,7})\s{1,9}\d{1,5}\s{1,9}obj")

_EXPLANATIONS = {
    FailureReason.ENCRYPTED: "it opens with a password, or a certificate, only",
    FailureReason.CORRUPT: "it is damaged",
    FailureReason.UNSUPPORTED: "it uses a feature of PDF that is not supported",
    FailureReason.MEMORY_LIMIT: "it unpacks to more than is allowed",
    FailureReason.TOO_MANY_PAGES: "it has more pages than are allowed",
}


class PypdfDocument:
    """A PDF opened by pypdf."""

    def __init__(self, reader: pypdf.PdfReader, *, page_count: int, repaired: bool) -> None:
        self._reader = reader
        self.page_count = page_count
        self.repaired = repaired

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the document says of itself; what cannot be read of it is left out."""
        values = {key: self._metadatum(key) for key in METADATA_KEYS}
        return {key: value for key, value in values.items() if value}

    def _metadatum(self, key: str) -> str:
        try:
            value = getattr(self._reader.metadata, key, None)
            stated = value.isoformat() if isinstance(value, datetime) else str(value or "")
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  (pypdf raises of every kind on damaged documents)
            return ""
        return clean_line(stated, METADATA_CHARACTERS_MAX)

    def page_text(self, page_number: int) -> str:
        """The text of a page, in the order of its content stream."""
        try:
            return clean_text(self._reader.pages[page_number - 1].extract_text())
        except Exception as error:  # noqa: BLE001  (pypdf raises of every kind on damaged documents)
            reason = failure_reason(error)
            if _is_out_of_memory(error):
                raise JobFailure(reason, f"page {page_number} needs more memory than is allowed") from None
            raise PageFailure(reason, _explained(reason, error)) from None


class PypdfEngine:
    """pypdf as an engine. Not for several threads at once: one process per document is the rule here."""

    name = f"pypdf {pypdf.__version__}"

    def __init__(self) -> None:
        # Its warnings quote the document.
        logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)

    def preload(self) -> None:
        """Load the modules and codecs that pypdf itself loads at first use; of two it makes use only if they exist."""
        for module in _LAZY_MODULES:
            with suppress(ModuleNotFoundError):
                import_module(module)
        for codec in _LAZY_CODECS:
            codecs.lookup(codec)

    @contextmanager
    def open(self, file: BinaryIO, *, pages_max: int) -> Iterator[PypdfDocument]:
        """Open the PDF in `file`; the limits hold until the document is closed.

        Raises JobFailure: ENCRYPTED, CORRUPT, UNSUPPORTED, MEMORY_LIMIT, or TOO_MANY_PAGES above `pages_max`.
        """
        # A ContextVar of pypdf holds them: set anywhere else, they would not reach this thread.
        with pypdf.apply_configuration(LIMITS.with_overwrites(**page_tree_limits(pages_max))):
            document = _open(file)
            if document.page_count > pages_max:
                raise JobFailure(
                    FailureReason.TOO_MANY_PAGES,
                    f"the PDF has {document.page_count:,} pages; {pages_max:,} are allowed",
                )
            if document.page_count == 0:
                raise JobFailure(FailureReason.CORRUPT, "the PDF has no pages")
            yield document


def page_tree_limits(pages_max: int) -> dict[str, int]:
    """pypdf's limits of the page tree, so that a tree of more than `pages_max` pages is refused before it is held.

    The tree's inner nodes count as entries too, hence the room above `pages_max`. Depth needs no limit of its own:
    each level is an entry, and pypdf walks the tree without recursion.
    """
    entries_max = 2 * pages_max + 10_000
    return {"page_tree_maximum_entries": entries_max, "page_tree_maximum_depth": entries_max}


def failure_reason(error: BaseException) -> FailureReason:
    """Why reading fails when pypdf raises `error`. Whatever nobody foresaw is damage: pypdf checks little."""
    if _is_out_of_memory(error):
        return FailureReason.MEMORY_LIMIT
    if isinstance(error, FileNotDecryptedError):
        return FailureReason.ENCRYPTED
    if isinstance(error, NotImplementedError) and "encryption handler" in str(error):
        return FailureReason.ENCRYPTED
    if isinstance(error, NotImplementedError | DependencyError):
        return FailureReason.UNSUPPORTED
    if isinstance(error, LimitReachedError):
        return FailureReason.TOO_MANY_PAGES if "page tree" in str(error) else FailureReason.MEMORY_LIMIT
    return FailureReason.CORRUPT


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory ran out, even if pypdf raised something else on top of that."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _explained(reason: FailureReason, error: Exception) -> str:
    return f"{_EXPLANATIONS[reason]} (pypdf: {type(error).__name__})"


def _open(file: BinaryIO) -> PypdfDocument:
    try:
        data = file.read()
        try:
            return _open_bytes(data)
        except Exception as error:
            if failure_reason(error) is not FailureReason.CORRUPT or b"%%EOF" not in data[-_END_BYTES:]:
                raise
            return _open_bytes(data + _search_for_objects(data), repair=True)
    except Exception as error:  # noqa: BLE001  (pypdf raises of every kind on damaged documents)
        reason = failure_reason(error)
        raise JobFailure(reason, f"the PDF cannot be read: {_explained(reason, error)}") from None


def _open_bytes(data: bytes, *, repair: bool = False) -> PypdfDocument:
    reader = pypdf.PdfReader(BytesIO(data))
    if reader.is_encrypted and reader.decrypt("") == pypdf.PasswordType.NOT_DECRYPTED:
        raise FileNotDecryptedError
    if repair:
        _cut_loops(reader.root_object["/Pages"])
    return PypdfDocument(reader, page_count=len(reader.pages), repaired=repair)


def _search_for_objects(data: bytes) -> bytes:
    """An end of file that makes pypdf search the whole file for its objects: a cross-reference table at 0 is none.

    Only for files that still have their own end. One that was cut off would be passed off as the whole.
    The size lets pypdf look for the catalog by its type if the trailer is lost too.
    """
    size = 1 + max((int(match[1]) for match in _OBJECT.finditer(data)), default=0)
    return b"\ntrailer\n<< /Size %d >>\nstartxref\n0\n%%%%EOF\n" % size


def _cut_loops(root: object) -> None:
    """Drop each branch of the page tree under `root` that leads back to an inner node already met."""
    if not isinstance(root, DictionaryObject):
        return
    met = {id(root)}
    nodes = [root]
    while nodes:
        kids = nodes.pop().get("/Kids")
        if not isinstance(kids, ArrayObject):
            continue
        for kid in list(kids):
            node = kid.get_object()
            if not isinstance(node, DictionaryObject) or "/Kids" not in node:
                continue
            if id(node) in met:
                kids.remove(kid)
            else:
                met.add(id(node))
                nodes.append(node)
