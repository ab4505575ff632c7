"""The summary that is the document's beginning."""

from collections.abc import Iterator

import pytest

from workers.summarize.lead import LeadSummarizer
from workers.summarize.summarizer import Summarizer, Summary

PAGES = ["First paragraph.\n\nSecond paragraph.", "Third paragraph.\n\nFourth paragraph."]


@pytest.mark.parametrize(
    ("paragraphs_max", "summary"),
    [
        (0, Summary("", 0, truncated=False)),
        (1, Summary("First paragraph.", 1, truncated=False)),
        (3, Summary("First paragraph.\n\nSecond paragraph.\n\nThird paragraph.", 3, truncated=False)),
        (9, Summary("\n\n".join(PAGES), 4, truncated=False)),
    ],
)
def test_summary_is_the_first_paragraphs(paragraphs_max: int, summary: Summary) -> None:
    """As many paragraphs as asked for, if the document has them; none for 0."""
    summarizer: Summarizer = LeadSummarizer()
    assert summarizer.summarize(PAGES, paragraphs_max=paragraphs_max) == summary


def test_summary_of_nothing_is_empty() -> None:
    """A document without text has an empty summary."""
    assert LeadSummarizer().summarize(["", "\n"], paragraphs_max=3) == Summary("", 0, truncated=False)


def test_summary_is_cut_to_its_bytes() -> None:
    """A summary never has more bytes than allowed, is cut at a sentence's end, and says so."""
    pages = ["A short sentence. " * 30, "\u77ed\u3044\u6587\u3002" * 200]
    summary = LeadSummarizer(200).summarize(pages, paragraphs_max=100)
    assert summary.truncated
    assert summary.paragraphs == 1
    assert summary.text.endswith("A short sentence. \u2026")
    assert len(summary.text.encode()) <= 200
    assert LeadSummarizer(200).summarize(pages[1:], paragraphs_max=9).text.endswith("\u3002 \u2026")


def test_summary_reads_no_page_that_it_does_not_need() -> None:
    """A summary of a long document costs as much as its first pages."""

    def endless_pages() -> Iterator[str]:
        while True:
            yield "One paragraph.\n\nAnother."

    assert LeadSummarizer().summarize(endless_pages(), paragraphs_max=3).paragraphs == 3
