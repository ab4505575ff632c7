"""Makes gateway/sample.pdf, the document that `make run` shows: our own words, 40 pages, the same bytes each time."""

import pathlib
import random

from reportlab import rl_config
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer

CHAPTERS = 40
PARAGRAPHS = 4
SENTENCES = 6

OPENING = (
    (
        "A document that arrives at a service by night is read by nobody who is awake. It is put into a queue, it "
        "waits its turn, and some time later a machine opens it, reads it page by page, and writes down what it found."
    ),
    (
        "This little book follows such a document on its way. Each chapter looks at one station: the gate where it is "
        "accepted, the queue where it waits, the worker that reads it, and the record that tells everybody how far it "
        "has come."
    ),
    (
        "Whoever watches a job wants three things above all: to be told the truth, to be told it soon, and to be told "
        "when it is over. The chapters return to these three wishes again and again, because most of the design "
        "follows from them."
    ),
)
STATIONS = ("gate", "queue", "lease", "worker", "sandbox", "record", "watch", "sweep", "summary", "archive")
SUBJECTS = (
    "The {0}",
    "A careful {0}",
    "Every {0}",
    "The keeper of the {0}",
    "Whoever looks at the {0}",
    "The story of the {0}",
)
VERBS = (
    "keeps a note of what it has done before it does the next thing",
    "is asked the same question twice and gives the same answer both times",
    "waits no longer than it has been told to wait",
    "hands its work to another when it can no longer finish it",
    "says plainly that it does not know, where it does not know",
    "counts its pages as it turns them",
    "trusts no file that comes from outside, however friendly it looks",
    "leaves nothing behind when it goes",
)
REASONS = (
    "because a promise that cannot be checked is only a wish",
    "since the one who comes after has nothing else to go by",
    "for a silence may mean that all is well, or that nobody is there any more",
    "so that a failure costs a moment and not a night",
    "and this is cheaper than any apology",
    "which is the whole difference between slow and lost",
)


def chapter(number: int) -> list[str]:
    """A chapter's paragraphs: sentences put together by chance, which always falls the same way."""
    chance = random.Random(number)  # noqa: S311  (no secret is made here)
    station = STATIONS[number % len(STATIONS)]

    def sentence() -> str:
        return f"{chance.choice(SUBJECTS).format(station)} {chance.choice(VERBS)}, {chance.choice(REASONS)}."

    return [" ".join(sentence() for _ in range(SENTENCES)) for _ in range(PARAGRAPHS)]


def main() -> None:
    """Write the file."""
    rl_config.invariant = 1
    styles = getSampleStyleSheet()
    story = [Paragraph("The Night Shift", styles["Title"]), Spacer(1, 24)]
    for text in OPENING:
        story += [Paragraph(text, styles["BodyText"]), Spacer(1, 12)]
    for number in range(CHAPTERS - 1):
        title = f"{number + 1}. On the {STATIONS[number % len(STATIONS)]}"
        story += [PageBreak(), Paragraph(title, styles["Heading1"])]
        for text in chapter(number):
            story += [Paragraph(text, styles["BodyText"]), Spacer(1, 8)]
    path = pathlib.Path(__file__).resolve().parent.parent / "gateway" / "sample.pdf"
    SimpleDocTemplate(str(path), pagesize=A4, title="The Night Shift", author="The pdfgateway authors").build(story)


if __name__ == "__main__":
    main()
