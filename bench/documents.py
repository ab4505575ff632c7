"""PDFs to measure with."""

import random
from io import BytesIO

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

LINES_PER_PAGE = 52
WORDS_PER_LINE = 13
FONT_POINTS = 10

_CONSONANTS = "bcdfghjklmnpqrstvwyz"
_VOWELS = "aeiou"


def dense_pdf(pages: int) -> bytes:
    """Full pages of made-up prose: some 3,700 characters each, as a page of a report has; always the same."""
    chance = random.Random(pages)  # noqa: S311  (nothing secret: it only has to look like prose)
    syllables = [consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(2_000)]
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    for page_number in range(1, pages + 1):
        text = canvas.beginText(50, 790)
        text.setFont("Times-Roman", FONT_POINTS, leading=14)
        text.textLine(f"Page {page_number}")
        for _ in range(LINES_PER_PAGE):
            text.textLine(f"{' '.join(chance.choices(words, k=WORDS_PER_LINE)).capitalize()}.")
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()
