"""A dead letter in words."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.rest_json import dead_letter_model
from gateway.rpc_messages import dead_letter_message as gateway_dead_letter_message
from pdfgateway.cli.dead_letter_text import dead_letter_cells, dead_letter_json, dead_letter_line
from pdfgateway.dead_letter_message import dead_letter_from_message
from tests.contract_messages import dead_letter_message
from workers.jobs import job as domain
from workers.jobs.failure import Phase
from workers.jobs.state import AttemptState
from workers.record.dead_letter import DeadLetter as GatewayDeadLetter

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


FAILURE = domain.JobError(reason="LEASE_LOST", message="No.", retryable=True, phase=Phase.EXTRACT)
ATTEMPT = domain.Attempt(
    run=2, attempt=3, state=AttemptState.FAILED, worker="w", start_time_us=1, end_time_us=2, error=FAILURE
)
FAILED = GatewayDeadLetter(
    queue="failed_pdfs",
    time_us=1_700_000_000_000_001,
    reason="LEASE_LOST",
    message="Frist → vorbei.",
    job_id="5b3a0f4e-0000-4000-8000-000000000000",
    run=2,
    attempt=3,
    attempts=(ATTEMPT,),
)
INVALID = GatewayDeadLetter(queue="invalid_pdfs", time_us=1, reason="NOT_JSON", message="No.", raw="{\n")


@pytest.mark.parametrize("letter", [FAILED, INVALID, replace(INVALID, raw="")], ids=["job", "no job", "nothing"])
def test_json_is_the_document_of_the_http_side(letter: GatewayDeadLetter) -> None:
    """One letter has one JSON, whether it comes from the command line or by HTTP."""
    client_letter = dead_letter_from_message(gateway_dead_letter_message(letter))
    document = dead_letter_model(letter).model_dump_json(exclude_none=True)
    assert json.loads(dead_letter_json(client_letter)) == json.loads(document)
    assert "\n" not in dead_letter_json(client_letter)
