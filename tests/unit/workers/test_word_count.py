"""How many words a text has."""

import pytest

from workers.summarize.word_count import word_count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n\t ", 0),
        ("one", 1),
        ("two words", 2),
        ("don't split-this, 3.14", 3),
        ("na\u00efve caf\u00e9 \u2014 yes", 4),
        ("\u6c34\u706b\u6728", 3),
        ("\u30c6\u30b9\u30c8\u3002", 4),
        ("mixed \u6c34 and \u706bx", 5),
        ("\ud55c\uad6d\uc5b4 \ub2e8\uc5b4", 2),
    ],
)
def test_words_are_runs_and_ideographs(text: str, words: int) -> None:
    """A word is a run of characters without white space; an ideograph or a kana is one by itself."""
    assert word_count(text) == words


def test_pages_add_up() -> None:
    """The words of pages are the words of the document, since a page's end is white space."""
    pages = ["one two", "three \u6c34", "four"]
    assert sum(map(word_count, pages)) == word_count("\n".join(pages)) == 5
