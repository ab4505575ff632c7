"""How long reading a document may take."""

import pytest

from workers.sandbox.time_limit import reading_seconds_max


@pytest.mark.parametrize(
    ("page_count", "job_seconds_max", "seconds"),
    [
        (0, 300, 30),
        (1, 300, 30.25),
        (200, 300, 80),
        (1_080, 300, 300),
        (5_000, 300, 300),
        (5_000, 3_600, 1_280),
        (0, 5, 5),
        (100, 40, 40),
    ],
)
def test_time_grows_with_pages_up_to_the_jobs_limit(page_count: int, job_seconds_max: float, seconds: float) -> None:
    """30 s and 0.25 s for each page, but never longer than a job may take."""
    assert reading_seconds_max(page_count, job_seconds_max) == seconds
