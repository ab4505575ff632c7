"""The text that leaves an engine: valid Unicode, composed, without control characters."""

import re
import unicodedata

_CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x9f"
_BREAKS = "\r\x0b\x0c"
_SURROGATES = "\ud800-\udfff"
_PRESENTATION_FORMS = "\ufb00-\ufefc"

_CHANGED = re.compile(f"[{_CONTROLS}{_BREAKS}{_PRESENTATION_FORMS}]")
_UNCLEAN = re.compile(f"[{_CONTROLS}{_BREAKS}{_SURROGATES}]")
_SURROGATE_RUN = re.compile(f"[{_SURROGATES}]+")

_CHANGES: dict[int, str | None] = {
    **dict.fromkeys((*range(9), *range(14, 32), *range(127, 160))),
    **{ord(character): "\n" for character in _BREAKS},
    **{
        code: unicodedata.normalize("NFKC", chr(code))
        for code in range(0xFB00, 0xFEFD)
        if " LIGATURE " in unicodedata.name(chr(code), "")
    },
}


def clean_text(raw: str) -> str:
    r"""`raw` as text that can be stored and shown: NFC, lines ended by "\n", no control character but "\n" and "\t".

    Ligatures become their letters (the NFKC form of the characters that Unicode calls LIGATURE, and of no others:
    NFKC of all would turn x² into x2). Surrogates become the character that a pair means, or else U+FFFD, as
    Unicode 17 §3.9 lets a converter do: UTF-8 has no form for them.
    """
    text = raw.replace("\r\n", "\n")
    if _CHANGED.search(text):
        text = text.translate(_CHANGES)
    if not text.isascii():
        text = unicodedata.normalize("NFC", _SURROGATE_RUN.sub(_paired, text))
    return text


def clean_line(raw: str, characters_max: int) -> str:
    """`raw` cleaned, on one line with single spaces, and no longer than `characters_max`."""
    return " ".join(clean_text(raw[: 8 * characters_max]).split())[:characters_max]


def is_clean(text: str) -> bool:
    """Whether `text` holds only characters that `clean_text` lets through."""
    return _UNCLEAN.search(text) is None


def _paired(surrogates: re.Match[str]) -> str:
    return surrogates[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
