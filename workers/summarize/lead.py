"""The summary that newspapers taught: how the document begins."""

from collections.abc import Iterable
from itertools import islice

from workers.summarize.paragraphs import split_paragraphs
from workers.summarize.sentences import cut_to_bytes
from workers.summarize.summarizer import Summary

SUMMARY_BYTES_MAX = 3_000
"""UTF-8 of a summary, so that a job's record stays small."""

_BETWEEN = "\n\n"


class LeadSummarizer:
    """The first paragraphs of a document."""

    def __init__(self, summary_bytes_max: int = SUMMARY_BYTES_MAX) -> None:
        self._summary_bytes_max = summary_bytes_max

    def summarize(self, pages: Iterable[str], *, paragraphs_max: int) -> Summary:
        """The first `paragraphs_max` paragraphs, cut to the summary's size at a sentence or word end. 0 gives none."""
        whole = _BETWEEN.join(islice(split_paragraphs(pages), paragraphs_max))
        text = cut_to_bytes(whole, self._summary_bytes_max)
        return Summary(text, len(text.split(_BETWEEN)) if text else 0, truncated=text != whole)
