"""Whether and when a failed attempt is followed by another."""

import pytest

from workers.jobs.failure import FailureReason, JobFailure
from workers.jobs.job import Attempt, JobError
from workers.jobs.state import AttemptState
from workers.retry import final_failure, retry_delay_seconds

TRANSIENT = JobFailure(FailureReason.SOURCE_UNAVAILABLE, "503")
PERMANENT = JobFailure(FailureReason.ENCRYPTED, "locked")


def delay(failure: JobFailure, attempt: int, *, highest: bool = True) -> float | None:
    """The delay with chance at one of its ends."""
    return retry_delay_seconds(
        failure,
        attempt=attempt,
        max_attempts=4,
        seconds_min=1,
        seconds_max=3,
        uniform=lambda low, high: high if highest else low,
    )


@pytest.mark.parametrize(("attempt", "low", "high"), [(1, 0.5, 1), (2, 1, 2), (3, 1.5, 3)])
def test_the_wait_doubles_up_to_its_limit(attempt: int, low: float, high: float) -> None:
    """Exponential, of which the upper half is chance."""
    assert delay(TRANSIENT, attempt) == high
    assert delay(TRANSIENT, attempt, highest=False) == low


def test_the_last_attempt_is_followed_by_none() -> None:
    """An attempt beyond max_attempts is never begun."""
    assert delay(TRANSIENT, 4) is None
    assert delay(TRANSIENT, 5) is None


@pytest.mark.parametrize("attempt", [1, 2, 3, 4])
def test_a_permanent_failure_is_never_retried(attempt: int) -> None:
    """A password does not come by waiting."""
    assert delay(PERMANENT, attempt) is None


CRASHED = JobFailure(FailureReason.PARSER_CRASHED, "it died")


def attempts(*failures: JobFailure | None, run: int = 1) -> list[Attempt]:
    """Attempts of a run that ended so; None is under way."""
    return [
        Attempt(
            run=run,
            attempt=number,
            state=AttemptState.FAILED if failure else AttemptState.RUNNING,
            worker="w",
            start_time_us=0,
            error=JobError.of(failure) if failure else None,
        )
        for number, failure in enumerate(failures, 1)
    ]


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (attempts(None), FailureReason.PARSER_CRASHED),
        (attempts(CRASHED, None), FailureReason.PARSER_CRASHED),
        (attempts(CRASHED, CRASHED, None), FailureReason.POISON),
        (attempts(CRASHED, TRANSIENT, CRASHED, None), FailureReason.POISON),
        (attempts(TRANSIENT, TRANSIENT, None), FailureReason.PARSER_CRASHED),
        ([*attempts(CRASHED, CRASHED), *attempts(None, run=2)], FailureReason.PARSER_CRASHED),
    ],
)
def test_the_third_crash_of_a_run_is_poison(before: list[Attempt], reason: FailureReason) -> None:
    """Crashes are counted over the run's attempts, whatever else failed between; a replay begins anew."""
    failure = final_failure(CRASHED, before)
    assert failure.reason is reason
    assert failure.retryable is (reason is FailureReason.PARSER_CRASHED)


def test_any_other_failure_stays_what_it_is() -> None:
    """Only crashes make poison."""
    assert final_failure(TRANSIENT, attempts(CRASHED, CRASHED, None)) is TRANSIENT
