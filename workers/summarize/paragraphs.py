"""Paragraphs from plain text. Where a text has no layout left, line and sentence ends must do."""

import re
from collections.abc import Iterable, Iterator

from workers.summarize.sentences import ends_sentence, natural_cut

RUN_CHARACTERS_MIN = 400
"""Where no blank lines are, a paragraph is at least so long, if the page is."""

RUN_CHARACTERS_MAX = 1_600
"""No paragraph is longer: text without blank lines or sentences, such as a table, is cut."""

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_HYPHENS = "-\N{HYPHEN}"
_SOFT_HYPHEN = "\N{SOFT HYPHEN}"
_UNSPACED = re.compile("[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def split_paragraphs(pages: Iterable[str]) -> Iterator[str]:
    """The paragraphs of pages of text, each on one line with single spaces, and with broken words joined.

    A paragraph is what stands between blank lines. On a page without any it is a run of lines that ends with a
    sentence after RUN_CHARACTERS_MIN characters. A page's end ends a paragraph.
    """
    for page in pages:
        blocks = [block for block in _BLANK_LINES.split(page) if block.strip()]
        for block in blocks:
            characters_min = RUN_CHARACTERS_MIN if len(blocks) == 1 else RUN_CHARACTERS_MAX
            yield from _runs(block, characters_min)


def join_lines(first: str, second: str) -> str:
    """Two lines as one: a word that a hyphen breaks is joined, and scripts without spaces get none."""
    if first.endswith(_SOFT_HYPHEN):
        return first[:-1] + second
    if len(first) > 1 and first[-1] in _HYPHENS and first[-2].islower() and second[:1].islower():
        return first[:-1] + second
    if not first or not second:
        return first + second
    unspaced = _UNSPACED.match(first[-1]) and _UNSPACED.match(second[0])
    return first + second if unspaced else f"{first} {second}"


def _runs(block: str, characters_min: int) -> Iterator[str]:
    """Runs of the lines of `block` that end with a sentence after `characters_min` characters; then the rest."""
    run = ""
    for line in block.split("\n"):
        run = join_lines(run, " ".join(line.split()))
        while len(run) > RUN_CHARACTERS_MAX:
            cut = natural_cut(run, RUN_CHARACTERS_MAX)
            yield run[:cut]
            run = run[cut:].lstrip()
        if len(run) >= characters_min and ends_sentence(run):
            yield run
            run = ""
    if run:
        yield run
