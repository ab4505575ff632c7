"""What ends a download from outside: its deadline, and its caller's wish to stop."""

import time
from collections.abc import Callable
from typing import TypeVar

from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure

POLL_SECONDS = 0.25
"""The longest that a download waits for anything without asking whether it must end."""

Answer = TypeVar("Answer")


class FetchStopped(Exception):
    """The caller asked the download to stop, and it did."""


class Cutoff:
    """The deadline and the stop of one download. Every wait of the download is cut into slices by it."""

    def __init__(
        self,
        url: SourceUrl,
        seconds_max: float,
        stop: Callable[[], bool],
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin now: `seconds_max` from here, unless `stop` says True before."""
        self._url = url
        self._seconds_max = seconds_max
        self._stop = stop
        self._clock_seconds = clock_seconds
        self._end_seconds = clock_seconds() + seconds_max

    @property
    def seconds_left(self) -> float:
        """Seconds to the deadline; negative after it."""
        return self._end_seconds - self._clock_seconds()

    def check(self) -> None:
        """Raises FetchStopped when asked to stop, JobFailure SOURCE_TOO_SLOW after the deadline."""
        if self._stop():
            raise FetchStopped(self._url.display)
        if self.seconds_left <= 0:
            raise JobFailure(
                FailureReason.SOURCE_TOO_SLOW,
                f"{self._url} was not fetched within {self._seconds_max:g} s",
            )

    def slice_by_slice(self, attempt: Callable[[], Answer]) -> Answer:
        """What `attempt` returns; it is repeated while it raises TimeoutError, as it must after POLL_SECONDS.

        Raises what `check` raises, and whatever else `attempt` does.
        """
        while True:
            self.check()
            try:
                return attempt()
            except TimeoutError:
                continue
