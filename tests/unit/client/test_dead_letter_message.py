"""From the contract's DeadLetter to the record that users see."""

from datetime import UTC, datetime

from pdfgateway.dead_letter_message import dead_letter_from_message
from pdfgateway.job import AttemptState
from tests.contract_messages import dead_letter_message


def test_a_jobs_letter_tells_its_history() -> None:
    """A job that failed is told with its run, its attempts and the reason of the last one."""
    letter = dead_letter_from_message(dead_letter_message("job-1"))
    assert (letter.queue, letter.reason, letter.message) == ("failed_pdfs", "LEASE_LOST", "Its worker fell silent.")
    assert (letter.job_id, letter.run, letter.attempt, letter.raw) == ("job-1", 1, 1, None)
    assert [attempt.state for attempt in letter.attempts] == [AttemptState.FAILED]
    assert letter.time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_message_that_is_no_job_is_told_as_it_begins() -> None:
    """What is none of the gateway's has neither job nor run, but its own first characters."""
    letter = dead_letter_from_message(dead_letter_message(""))
    assert (letter.job_id, letter.run, letter.attempt, letter.attempts) == (None, None, None, ())
    assert (letter.queue, letter.raw) == ("invalid_pdfs", "hello")
