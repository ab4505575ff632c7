"""The text that leaves an engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.extract.clean_text import clean_line, clean_text, is_clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("plain", "plain"),
        ("a\r\nb\rc\x0bd\x0ce", "a\nb\nc\nd\ne"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("nul\x00bell\x07escape\x1bdelete\x7fcsi\x9b", "nulbellescapedeletecsi"),
        ("\ufb01nal \ufb03 \ufb06", "final ffi st"),
        ("\ufefb", "\u0644\u0627"),
        ("x\u00b2 \u2460 \uff21", "x\u00b2 \u2460 \uff21"),
        ("e\u0301", "\u00e9"),
        ("lone \ud800 and \udfff", "lone \ufffd and \ufffd"),
        ("pair \ud83d\ude00", "pair \U0001f600"),
    ],
)
def test_text_is_cleaned(raw: str, clean: str) -> None:
    """Line ends are one kind, ligatures letters, the rest composed; controls and surrogates are gone."""
    assert clean_text(raw) == clean


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_clean_text_can_be_encoded_and_stays_as_it_is(raw: str) -> None:
    """Whatever an engine gives, what leaves it is valid Unicode, and cleaning it again changes nothing."""
    clean = clean_text(raw)
    clean.encode()
    assert is_clean(clean)
    assert clean_text(clean) == clean


@pytest.mark.parametrize("unclean", ["\x00", "\r", "\x1b", "\x7f", "\x85", "\ud800"])
def test_unclean_text_is_seen(unclean: str) -> None:
    """Whoever reads from a process that is not trusted can tell text that was not cleaned."""
    assert not is_clean(f"text{unclean}text")


def test_a_line_is_folded_and_capped() -> None:
    """A value of metadata is one line of bounded length."""
    assert clean_line("  A\n long \x00\t title ", 100) == "A long title"
    assert clean_line("word " * 10_000, 12) == "word word wo"
