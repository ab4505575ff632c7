"""The table of failures."""

import pickle

import pytest

from workers.jobs.failure import FAILURE_RULES, FailureReason, JobFailure, Phase
from workers.jobs.job import JobError
from workers.record.transition import FAILED_QUEUE, INVALID_QUEUE, dead_letter_queue

RETRYABLE = {
    FailureReason.SOURCE_UNAVAILABLE,
    FailureReason.SOURCE_UNREACHABLE,
    FailureReason.SOURCE_TOO_SLOW,
    FailureReason.PARSER_CRASHED,
    FailureReason.LEASE_LOST,
    FailureReason.INTERNAL,
}


def test_every_reason_has_its_rule() -> None:
    """No failure is without an answer to whether it is retried."""
    assert set(FAILURE_RULES) == set(FailureReason)


@pytest.mark.parametrize("reason", FailureReason)
def test_only_what_may_pass_is_retried(reason: FailureReason) -> None:
    """What nobody changes, a repeat does not change either; it goes among the invalid dead letters."""
    failure = JobFailure(reason, "what happened")
    assert failure.retryable == (reason in RETRYABLE)
    assert dead_letter_queue(failure) == (FAILED_QUEUE if reason in RETRYABLE else INVALID_QUEUE)


def test_a_failure_survives_celery() -> None:
    """Celery makes the exception again from its arguments: nothing is lost on the way."""
    failure = JobFailure(FailureReason.CORRUPT, "no page tree", Phase.FETCH)
    for copy in (JobFailure(*failure.args), pickle.loads(pickle.dumps(failure))):  # noqa: S301  (our own bytes)
        assert (copy.reason, copy.message, copy.phase) == (failure.reason, failure.message, failure.phase)


def test_a_reason_of_a_newer_version_is_kept() -> None:
    """A gateway that is older than a worker shows what it does not know, and promises no retry."""
    error = JobError.from_stored("FROM_THE_FUTURE", "message", "EXTRACT")
    assert error.reason == "FROM_THE_FUTURE"
    assert not error.retryable
