"""Text that is safe to show on a terminal."""

import unicodedata

LINE_CHARS_MAX = 500
"""The longest that a text from elsewhere is on one line."""


def printable(text: str) -> str:
    """Return a text without the control characters by which it could command a terminal; lines stay."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _commands(char) else char for char in text)


def one_line(text: str) -> str:
    """Return a text as one printable line of at most 500 characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= LINE_CHARS_MAX else line[: LINE_CHARS_MAX - 1] + "…"


def _commands(char: str) -> bool:
    """Whether a character is a control other than the end of a line or a tab, or half of a surrogate pair."""
    return char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cs")
