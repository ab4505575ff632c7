"""Paragraphs from plain text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.summarize.paragraphs import RUN_CHARACTERS_MAX, RUN_CHARACTERS_MIN, join_lines, split_paragraphs

SENTENCE = "This line is a sentence of fifty characters, no more."
LINE = "this line goes on to the next one and has no end of"


def paragraphs(*pages: str) -> list[str]:
    """The paragraphs of these pages."""
    return list(split_paragraphs(pages))


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([], []),
        (["", " \n \n"], []),
        (["One\nparagraph."], ["One paragraph."]),
        (["First.\n\nSecond\nline.\n \t \n\nThird."], ["First.", "Second line.", "Third."]),
        (["On page one.", "On page two."], ["On page one.", "On page two."]),
        (["  much   white \t space  \n here "], ["much white space here"]),
    ],
)
def test_blank_lines_and_pages_part_paragraphs(pages: list[str], expected: list[str]) -> None:
    """A paragraph is what stands between blank lines; a page's end ends it; white space is folded."""
    assert paragraphs(*pages) == expected


def test_without_blank_lines_a_paragraph_ends_with_a_sentence_after_400_characters() -> None:
    """A page without blank lines is cut where a line that ends a sentence makes a run long enough."""
    page = "\n".join([LINE] * 8 + [SENTENCE, LINE, SENTENCE])
    first, second = paragraphs(page)
    assert first.endswith(SENTENCE)
    assert RUN_CHARACTERS_MIN <= len(first) < RUN_CHARACTERS_MIN + len(SENTENCE) + len(LINE)
    assert second == f"{LINE} {SENTENCE}"


def test_a_page_of_prose_is_never_one_paragraph() -> None:
    """However a page of plain sentences is laid out, its first paragraphs are not the whole page."""
    page = "\n".join([SENTENCE] * 40)
    assert len(paragraphs(page)) == 5
    assert len(paragraphs(page.replace("\n", " "))) > 1


@pytest.mark.parametrize("page", [LINE + " ", LINE + "\n", "x", "\u6c34", "1 2 3\n"])
def test_text_without_sentences_is_cut_too(page: str) -> None:
    """Tables and the like are cut at the longest length of a paragraph, and nothing is lost."""
    text = page * 400
    found = paragraphs(text)
    assert max(map(len, found)) <= RUN_CHARACTERS_MAX
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_long_block_between_blank_lines_is_cut() -> None:
    """One blank line somewhere on a page does not make the rest of it one paragraph."""
    found = paragraphs("Title\n\n" + "\n".join([SENTENCE] * 100))
    assert found[0] == "Title"
    assert max(map(len, found)) <= RUN_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("one", "two", "one two"),
        ("exam-", "ple", "example"),
        ("exam\u2010", "ple", "example"),
        ("exam\u00ad", "ple", "example"),
        ("Berlin-", "Mitte", "Berlin- Mitte"),
        ("1990-", "1995", "1990- 1995"),
        ("a list -", "item", "a list - item"),
        ("\u6f22", "\u5b57", "\u6f22\u5b57"),
        ("\u3067\u3059\u3002", "\u6b21", "\u3067\u3059\u3002\u6b21"),
        ("\ud55c\uad6d\uc5b4", "\ub2e8\uc5b4", "\ud55c\uad6d\uc5b4 \ub2e8\uc5b4"),
        ("\u6f22", "word", "\u6f22 word"),
        ("", "start", "start"),
        ("-", "x", "- x"),
    ],
)
def test_lines_are_joined_as_their_script_wants(first: str, second: str, joined: str) -> None:
    """Words broken by a hyphen become whole; Chinese and Japanese get no spaces; Korean does."""
    assert join_lines(first, second) == joined


@given(st.lists(st.text(), max_size=5))
def test_paragraphs_are_whole_lines(pages: list[str]) -> None:
    """Whatever the pages hold, no paragraph is empty, too long, or has a line end or an edge of white space."""
    for paragraph in split_paragraphs(pages):
        assert 0 < len(paragraph) <= RUN_CHARACTERS_MAX
        assert paragraph == paragraph.strip()
        assert "\n" not in paragraph
