"""What an engine is: it opens a PDF and gives its pages' text, one by one. It knows no process and no time limit."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from workers.jobs.failure import FailureReason

METADATA_KEYS = (
    "title",
    "author",
    "subject",
    "keywords",
    "creator",
    "producer",
    "creation_date",
    "modification_date",
)
"""What a document may say of itself. Dates are ISO 8601; everything else is the document's own, unverified words."""

METADATA_CHARACTERS_MAX = 256
"""Length of one value of a document's metadata."""


class PageFailure(Exception):
    """One page cannot be read; the others may be. The message quotes nothing of the document."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


class Document(Protocol):
    """An open PDF."""

    @property
    def page_count(self) -> int:
        """Pages, 1 at least."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the document says of itself: METADATA_KEYS that it has, each cleaned, on one line and capped."""
        ...

    @property
    def repaired(self) -> bool:
        """Whether its structure was damaged and had to be guessed, so that pages may be missing."""
        ...

    def page_text(self, page_number: int) -> str:
        """The cleaned text of a page, counted from 1; "" when it has none.

        Raises PageFailure when this page cannot be read, JobFailure when no further page can.
        """
        ...


class Engine(Protocol):
    """A library that reads PDFs. Its errors leave it as PageFailure or JobFailure only."""

    @property
    def name(self) -> str:
        """Name and version, as shown with a result."""
        ...

    def preload(self) -> None:
        """Load all that reading a document needs, so that a process forked from this one opens no file for it."""
        ...

    def open(self, file: BinaryIO, *, pages_max: int) -> AbstractContextManager[Document]:
        """Open the PDF in `file`, which is seekable and stays the caller's to close.

        Raises JobFailure: ENCRYPTED, CORRUPT, UNSUPPORTED, MEMORY_LIMIT, or TOO_MANY_PAGES above `pages_max`.
        """
        ...
