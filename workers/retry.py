"""Whether a failed attempt is followed by another, and when: pure."""

import random
from collections.abc import Callable

from workers.jobs.failure import JobFailure


def retry_delay_seconds(
    failure: JobFailure,
    *,
    attempt: int,
    max_attempts: int,
    seconds_min: float,
    seconds_max: float,
    uniform: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """The wait before the next attempt, or None where there is none: a permanent failure, or the last attempt.

    Exponential backoff from `seconds_min` to `seconds_max`, of which the upper half is random ("equal jitter"; AWS
    Architecture Blog, Exponential Backoff And Jitter, 2015), so that jobs that failed together do not return together.
    """
    if not failure.retryable or attempt >= max_attempts:
        return None
    ceiling = min(seconds_max, seconds_min * 2 ** (attempt - 1))
    return uniform(ceiling / 2, ceiling)
