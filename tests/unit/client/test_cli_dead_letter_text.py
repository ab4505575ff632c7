"""A dead letter in words."""

import json
from datetime import timedelta

from pdfgateway.cli.dead_letter_text import dead_letter_cells, dead_letter_json, dead_letter_line
from pdfgateway.dead_letter_message import dead_letter_from_message
from tests.contract_messages import dead_letter_message

JOB = dead_letter_from_message(dead_letter_message("5b3a0f4e-0000-4000-8000-000000000000"))
NO_JOB = dead_letter_from_message(dead_letter_message("", raw="\x1b[2J\nhello"))


def test_a_line_begins_with_the_jobs_id() -> None:
    """Other programs can cut the id off a line; what is no job has a dash there, and tells how it begins."""
    assert dead_letter_line(JOB) == (
        "5b3a0f4e-0000-4000-8000-000000000000  failed_pdfs   2023-11-14T22:13:20Z  LEASE_LOST: Its worker fell silent."
    )
    dash = "-".ljust(36)
    assert dead_letter_line(NO_JOB) == (
        f"{dash}  invalid_pdfs  2023-11-14T22:13:20Z  NOT_JSON: The message is no JSON. It begins: �[2J hello"
    )


def test_a_row_tells_the_age() -> None:
    """In a table the letter's age stands for the time."""
    now = JOB.time + timedelta(days=2)
    assert dead_letter_cells(JOB, now) == (
        "5b3a0f4e-0000-4000-8000-000000000000",
        "failed_pdfs",
        "2d",
        "LEASE_LOST: Its worker fell silent.",
    )
    assert dead_letter_cells(NO_JOB, now)[0] == "-"


def test_json_has_what_is_set() -> None:
    """Fields that are not set are left out, the attempts are always there."""
    common = ["queue", "time", "reason", "message"]
    assert list(json.loads(dead_letter_json(JOB))) == [*common, "job_id", "run", "attempt", "attempts"]
    assert list(json.loads(dead_letter_json(NO_JOB))) == [*common, "attempts", "raw"]
    assert json.loads(dead_letter_json(JOB))["attempts"][0]["error"]["reason"] == "LEASE_LOST"
