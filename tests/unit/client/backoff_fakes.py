"""A clock that goes when it is told to, and backoffs without chance."""

from pdfgateway.retry import Backoff


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


LOWEST = Backoff(first_seconds=0.2, max_seconds=5.0, uniform=min)
"""Always draws the least pause."""
HIGHEST = Backoff(first_seconds=0.2, max_seconds=5.0, uniform=max)
"""Always draws the longest pause."""
