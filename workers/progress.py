"""Progress reports of one job: often at first, so that a short job shows its pages; then rarer, to cost little."""

import time
from collections.abc import Callable

from workers.jobs.job import Progress

GROWTH = 20
"""A report comes after a twentieth of the time that the job has taken, within the limits."""


def report_interval_seconds(elapsed_seconds: float, *, seconds_min: float, seconds_max: float) -> float:
    """The least time to the next report of a job that has been going on for so long: pure."""
    return min(seconds_max, max(seconds_min, elapsed_seconds / GROWTH))


class ProgressReporter:
    """Passes on what is worth a report: a new phase, the first page, and otherwise what the interval allows."""

    def __init__(
        self,
        write: Callable[[Progress], None],
        *,
        seconds_min: float,
        seconds_max: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._seconds_min = seconds_min
        self._seconds_max = seconds_max
        self._clock = clock
        self._start = clock()
        self._due = self._start
        self.latest = Progress()
        """The newest progress, reported or not."""

    def report(self, progress: Progress) -> None:
        """Take note of the progress, and write it if it is time to."""
        before, self.latest = self.latest, progress
        now = self._clock()
        is_turn = (
            progress.phase is not before.phase
            or progress.page_count != before.page_count
            or before.pages_done == 0 < progress.pages_done
        )
        if not is_turn and now < self._due:
            return
        self._write(progress)
        self._due = now + report_interval_seconds(
            now - self._start, seconds_min=self._seconds_min, seconds_max=self._seconds_max
        )
