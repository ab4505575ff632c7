"""When a consumer is to be replaced: pure."""

DEAF_SECONDS = 20
"""A consumer whose loop has not turned for so long, while Redis answers, is deaf."""


def consumer_fault(*, thread_alive: bool, beat_age_seconds: float, tick_age_seconds: float) -> str | None:
    """Why a consumer is to be replaced, or None. While Redis is away nobody can consume, and none is to blame."""
    if not thread_alive:
        return "the Celery worker's thread has ended"
    if beat_age_seconds < DEAF_SECONDS < tick_age_seconds:
        return f"the Celery worker's loop has stood still for {tick_age_seconds:.0f} s while Redis answers"
    return None
