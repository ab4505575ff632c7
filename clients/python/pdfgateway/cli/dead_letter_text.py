"""A dead letter in words: as a line, as cells of a table, and as JSON. Pure."""

from dataclasses import asdict
from datetime import datetime

from pdfgateway.cli.json_line import json_line, time_text
from pdfgateway.cli.moments import age_text
from pdfgateway.cli.printable import one_line
from pdfgateway.dead_letter import DeadLetter

NO_JOB = "-"
"""Where a job's id would stand."""


def dead_letter_json(letter: DeadLetter) -> str:
    """Return the letter as one line of JSON: the document of the gateway's HTTP side, without unset fields."""
    return json_line(asdict(letter))


def dead_letter_line(letter: DeadLetter) -> str:
    """Return the letter as one line: its job's id, its queue, when it came there, and why."""
    return f"{letter.job_id or NO_JOB:<36}  {letter.queue:<12}  {time_text(letter.time)}  {_why(letter)}"


def dead_letter_cells(letter: DeadLetter, now: datetime) -> tuple[str, ...]:
    """Return the cells of a letter's row: its job's id, its queue, its age, and why it lies there."""
    return letter.job_id or NO_JOB, letter.queue, age_text(letter.time, now), _why(letter)


def _why(letter: DeadLetter) -> str:
    """Return why it lies there; and what, if it is no job."""
    raw = f" It begins: {letter.raw}" if letter.raw else ""
    return f"{letter.reason}: {one_line(letter.message + raw)}"
