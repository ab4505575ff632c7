"""What reading a document tells, in this order: Opened, then PageRead or PageFailed once per page, then Finished."""

from collections.abc import Mapping
from dataclasses import dataclass

from workers.jobs.failure import FailureReason


@dataclass(frozen=True, slots=True)
class Opened:
    """The document is open."""

    engine: str
    """Name and version of the engine that reads it."""
    page_count: int
    metadata: Mapping[str, str]
    """What the document says of itself, by METADATA_KEYS."""
    repaired: bool
    """Its structure was damaged and had to be guessed: pages may be missing."""


@dataclass(frozen=True, slots=True)
class PageRead:
    """One page's text."""

    page_number: int
    """Counted from 1."""
    text: str


@dataclass(frozen=True, slots=True)
class PageFailed:
    """One page that cannot be read."""

    page_number: int
    """Counted from 1."""
    reason: FailureReason
    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Every page was read or has failed, and one at least was read."""

    pages_failed: int


Event = Opened | PageRead | PageFailed | Finished
