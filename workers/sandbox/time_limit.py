"""How long reading a document may take."""

BASE_SECONDS = 30.0
"""For opening a document, and for the slowest pages of a short one."""

SECONDS_PER_PAGE = 0.25
"""Twelve times what pypdf needs for a page on average."""


def reading_seconds_max(page_count: int, job_seconds_max: float) -> float:
    """Seconds that reading `page_count` pages may take: 30, and 0.25 per page, but never above `job_seconds_max`."""
    return min(job_seconds_max, BASE_SECONDS + SECONDS_PER_PAGE * page_count)
