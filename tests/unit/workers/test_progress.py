"""Progress reports."""

import pytest

from workers.jobs.failure import Phase
from workers.jobs.job import Progress
from workers.progress import ProgressReporter, report_interval_seconds


@pytest.mark.parametrize(
    ("elapsed_seconds", "interval_seconds"), [(0, 0.02), (0.4, 0.02), (2, 0.1), (4, 0.2), (100, 0.2)]
)
def test_reports_grow_rarer(elapsed_seconds: float, interval_seconds: float) -> None:
    """A twentieth of the time so far, within the limits."""
    assert report_interval_seconds(elapsed_seconds, seconds_min=0.02, seconds_max=0.2) == interval_seconds


class Clock:
    """A clock that tests turn."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def pages(done: int) -> Progress:
    """So many pages of 1,000."""
    return Progress(phase=Phase.EXTRACT, pages_done=done, page_count=1000)


def reported(seconds_a_page: float, page_count: int) -> list[int]:
    """Which pages are reported of a document that takes so long for each."""
    written: list[Progress] = []
    clock = Clock()
    reporter = ProgressReporter(written.append, seconds_min=0.02, seconds_max=0.2, clock=clock)
    for done in range(page_count + 1):
        reporter.report(pages(done))
        clock.now += seconds_a_page
    return [progress.pages_done for progress in written]


def test_a_short_document_shows_its_pages() -> None:
    """200 pages at 1.5 ms each, a third of a second in all, are reported at least ten times."""
    assert len(reported(0.0015, 200)) >= 10


def test_a_long_document_costs_little() -> None:
    """1,000 pages at 20 ms each make at most a report in 200 ms, and some more at the beginning."""
    assert len(reported(0.02, 1000)) <= 20 / 0.2 + 80


def test_the_first_page_and_a_new_phase_never_wait() -> None:
    """What a person waits to see is shown at once."""
    written: list[Progress] = []
    reporter = ProgressReporter(written.append, seconds_min=10, seconds_max=10, clock=Clock())
    fetching = Progress(phase=Phase.FETCH, bytes_fetched=1)
    for progress in (fetching, Progress(phase=Phase.FETCH, bytes_fetched=2), pages(0), pages(1), pages(2)):
        reporter.report(progress)
    assert written == [fetching, pages(0), pages(1)]
    assert reporter.latest == pages(2)
