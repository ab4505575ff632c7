"""When a failed call is made again, and after which pause: pure but for a clock and randomness."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from pdfgateway.errors import DeadlineExceeded, PDFGatewayError

BULK_SECONDS_MAX = 60.0
"""How long a call may take that changes thousands of jobs, unless it is said."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter.

    The pause is drawn evenly from zero to a ceiling that doubles with each failure in a row (Marc Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), so that clients that failed together do
    not come back together.
    """

    first_seconds: float = 0.2
    """The ceiling after the first failure."""
    max_seconds: float = 5.0
    """The highest ceiling."""
    uniform: Callable[[float, float], float] = random.uniform
    """Draws a number from an interval."""

    def pause_seconds(self, failures: int, error: PDFGatewayError | None) -> float:
        """Return the pause after so many failures in a row, the last one of them `error`.

        The pause that the gateway asks for comes on top, so that it is kept and still spread.
        """
        doublings = min(failures - 1, 16)  # 2**16 times any sensible first ceiling is over any sensible highest one
        ceiling_seconds = min(self.max_seconds, self.first_seconds * 2**doublings)
        asked_seconds = (error.retry_after_seconds or 0.0) if error is not None else 0.0
        return asked_seconds + self.uniform(0.0, ceiling_seconds)


class CallRetries:
    """Decides for one unary call, within its time, whether and when it is made again."""

    def __init__(
        self,
        call_seconds_max: float,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin a call that may take `call_seconds_max` with all its attempts."""
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._end = clock() + call_seconds_max
        self.failures = 0
        """How many attempts have failed."""

    @property
    def may_have_worked(self) -> bool:
        """Whether an attempt before the last one, which failed too, may have been carried out, its answer lost."""
        return self.failures > 1

    def remaining_seconds(self) -> float:
        """Return how much of the call's time is left, at least zero."""
        return max(0.0, self._end - self._clock())

    def pause_seconds_after(self, error: PDFGatewayError) -> float | None:
        """Count a failed attempt; return the pause before the next one, None where the error is final.

        An error is final when the same call would fail again, or when no time is left for another attempt:
        then it says more than that the time is over.
        """
        self.failures += 1
        if not error.retryable or isinstance(error, DeadlineExceeded):
            return None
        pause_seconds = self._backoff.pause_seconds(self.failures, error)
        return pause_seconds if pause_seconds < self.remaining_seconds() else None
