"""Whether and when a failed attempt is followed by another."""

import pytest

from workers.jobs.failure import FailureReason, JobFailure
from workers.retry import retry_delay_seconds

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
