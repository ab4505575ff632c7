"""Where sentences end, as far as punctuation tells. "Mr. Smith" is two: abbreviations are not known here."""

import re

_CLOSING = "[)\\]}\"'\u2019\u201d\u00bb\u203a\u300b\u300d\u300f\u3011\uff09]*"
_FULL_STOPS = "[\u3002\uff01\uff0e\uff1f\uff61]+"
"""Those of Chinese and Japanese."""

SENTENCE_END = re.compile(rf"[.!?\u2026]+{_CLOSING}(?=\s|$)|{_FULL_STOPS}{_CLOSING}")
"""A sentence's last characters: before a space in scripts that have spaces, anywhere in those that have none."""

ELLIPSIS = " …"
"""What shows that text was cut."""


def ends_sentence(text: str) -> bool:
    """Whether `text` ends where a sentence does."""
    return last_sentence_end(text[-20:]) == len(text[-20:]) > 0


def last_sentence_end(text: str) -> int:
    """The length of `text` up to the end of its last whole sentence; 0 if it has none."""
    return max((match.end() for match in SENTENCE_END.finditer(text)), default=0)


def natural_cut(text: str, characters_max: int) -> int:
    """Where to cut `text` so that `characters_max` are not exceeded.

    After the last sentence of the second half, else after the last word of it, else right there.
    """
    if len(text) <= characters_max:
        return len(text)
    # One character more: a space there ends the sentence, or word, before it.
    head = text[: characters_max + 1]
    ends = [match.end() for match in SENTENCE_END.finditer(head) if match.end() <= characters_max]
    if ends and 2 * ends[-1] >= characters_max:
        return ends[-1]
    space = head.rfind(" ")
    return space if 2 * space >= characters_max else characters_max


def cut_to_bytes(text: str, bytes_max: int) -> str:
    """`text` in at most `bytes_max` bytes of UTF-8, cut at a sentence's or a word's end and marked with " …"."""
    if len(text.encode()) <= bytes_max:
        return text
    room = max(0, bytes_max - len(ELLIPSIS.encode()))
    characters = len(text.encode()[:room].decode(errors="ignore"))
    head = text[: natural_cut(text, characters)].rstrip()
    return head + ELLIPSIS if room and head else ""
