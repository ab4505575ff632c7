"""PDFs to measure with."""

import random
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

LINES_PER_PAGE = 46
WORDS_PER_LINE = 13
LETTERS_PER_PIECE = 3

_CONSONANTS = "bcdfghjklmnpqrstvwyz"
_VOWELS = "aeiou"


def dense_pdf(pages: int) -> bytes:
    """Full pages of made-up prose, some 3,600 characters each; always the same.

    Words are shown in pieces, as by word processors and TeX, which kern: a page then costs pypdf what a page of a real
    report does, some 15 ms. Whole lines would cost it a quarter of that.
    """
    chance = random.Random(pages)  # noqa: S311  (nothing secret: it only has to look like prose)
    syllables = [consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(2_000)]
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=1, invariant=1)
    for _ in range(pages):
        text = canvas.beginText(50, 790)
        text.setFont("Times-Roman", 10, leading=16)
        for _ in range(LINES_PER_PAGE):
            line = f"{' '.join(chance.choices(words, k=WORDS_PER_LINE)).capitalize()}."
            for begin in range(0, len(line), LETTERS_PER_PIECE):
                text.textOut(line[begin : begin + LETTERS_PER_PIECE])
            text.textLine()
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
