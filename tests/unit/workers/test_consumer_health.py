"""When a consumer is to be replaced."""

import pytest

from workers.consumer_health import DEAF_SECONDS, consumer_fault


@pytest.mark.parametrize(
    ("thread_alive", "beat_age_seconds", "tick_age_seconds", "is_fault"),
    [
        (True, 1, 1, False),
        (False, 1, 1, True),
        (True, 1, DEAF_SECONDS + 1, True),
        (True, 1, DEAF_SECONDS - 1, False),
        # Redis is away: nobody can consume, and a new replica could not either.
        (True, DEAF_SECONDS + 1, DEAF_SECONDS + 1, False),
        (False, DEAF_SECONDS + 1, 1, True),
    ],
)
def test_a_dead_or_deaf_consumer_is_at_fault_and_a_cut_off_one_is_not(
    thread_alive: bool, beat_age_seconds: float, tick_age_seconds: float, is_fault: bool
) -> None:
    """The thread has ended; or its loop stands still although Redis answers."""
    fault = consumer_fault(
        thread_alive=thread_alive, beat_age_seconds=beat_age_seconds, tick_age_seconds=tick_age_seconds
    )
    assert (fault is not None) == is_fault
