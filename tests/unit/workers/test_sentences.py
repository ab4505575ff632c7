"""Where sentences end, and where text is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.summarize.sentences import cut_to_bytes, ends_sentence, natural_cut


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("It ends.", True),
        ("It ends!)", True),
        ('He said "no."', True),
        ("Wait\u2026", True),
        ("\u7d42\u308f\u308a\u3002", True),
        ("\u300c\u672c\u5f53\uff1f\u300d", True),
        ("It goes on", False),
        ("It goes on,", False),
        ("3.14", False),
        ("1. One", False),
        ("", False),
    ],
)
def test_sentence_ends_are_known_by_their_marks(text: str, ends: bool) -> None:
    """A full stop and its kin end a sentence, with or without closing quotes and brackets."""
    assert ends_sentence(text) is ends


@pytest.mark.parametrize(
    ("text", "characters_max", "head"),
    [
        ("Short.", 10, "Short."),
        ("One two. Three four five", 14, "One two."),
        ("One. Two three four five", 16, "One. Two three"),
        ("One two three", 7, "One two"),
        ("Nospacesatallhere", 8, "Nospaces"),
        ("Pi is 3.14159 or so", 8, "Pi is"),
        ("\u4e00\u4e8c\u4e09\u3002\u56db\u4e94\u516d", 5, "\u4e00\u4e8c\u4e09\u3002"),
    ],
)
def test_a_cut_is_at_a_sentence_or_word_end(text: str, characters_max: int, head: str) -> None:
    """A cut is after the last sentence of the second half, else after its last word, else where it must be."""
    assert text[: natural_cut(text, characters_max)] == head


@given(st.text(), st.integers(0, 60))
def test_cut_text_fits_and_shows_it(text: str, bytes_max: int) -> None:
    """Cut text is never longer than allowed in UTF-8, is the beginning of the whole, and ends with an ellipsis."""
    cut = cut_to_bytes(text, bytes_max)
    assert len(cut.encode()) <= bytes_max
    if len(text.encode()) <= bytes_max:
        assert cut == text
    elif cut:
        assert cut.endswith(" \u2026")
        assert text.startswith(cut.removesuffix(" \u2026"))
