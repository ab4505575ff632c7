"""How many words a text has."""

import re

_IDEOGRAPHS_AND_KANA = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_IDEOGRAPHS_AND_KANA}]|[^\s{_IDEOGRAPHS_AND_KANA}]+")


def word_count(text: str) -> int:
    """Words of `text`: runs of characters other than white space.

    Chinese and Japanese have no spaces; each ideograph and each kana counts as a word, as in word processors.
    Korean has spaces, and counts by them. A word that a hyphen breaks over two lines counts twice.
    """
    if text.isascii():
        return len(text.split())
    return sum(1 for _ in _WORD.finditer(text))
