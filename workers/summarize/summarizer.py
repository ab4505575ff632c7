"""What a summarizer is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Summary:
    """A document in a few paragraphs."""

    text: str
    """Paragraphs, with a blank line between two; "" if none were asked for or none are there."""
    paragraphs: int
    """How many paragraphs `text` holds, the last one perhaps in part."""
    truncated: bool
    """Whether `text` was cut to its size."""


class Summarizer(Protocol):
    """A way to summarise."""

    def summarize(self, pages: Iterable[str], *, paragraphs_max: int) -> Summary:
        """The summary of a document whose pages give these texts, in `paragraphs_max` paragraphs or fewer."""
        ...
