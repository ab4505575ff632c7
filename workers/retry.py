"""Whether a failed attempt is followed by another, and when: pure."""

import random
from collections.abc import Callable, Sequence

from workers.jobs.failure import FailureReason, JobFailure
from workers.jobs.job import Attempt

CRASHES_MAX = 3
"""Attempts of a run whose reading process may die, before the PDF is taken for the cause."""


def final_failure(failure: JobFailure, attempts: Sequence[Attempt]) -> JobFailure:
    """The failure that an attempt ends with: POISON where its reading process died as often as it may, else its own.

    `attempts` are the job's, the one that fails now included and last.
    """
    if failure.reason is not FailureReason.PARSER_CRASHED or not attempts:
        return failure
    run = attempts[-1].run
    crashes = 1 + sum(
        one.run == run and one.error is not None and one.error.reason == FailureReason.PARSER_CRASHED
        for one in attempts
    )
    if crashes < CRASHES_MAX:
        return failure
    return JobFailure(
        FailureReason.POISON,
        f"the process that read it died in {crashes} attempts, so that the PDF is taken for the cause",
        failure.phase,
    )


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
