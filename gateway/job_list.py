"""The list of jobs: which ones, newest first, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.errors import FieldViolation, invalid
from gateway.job_store import JobStore, Place
from gateway.page_token import checked_page_size, page_token, parse_page_token
from workers.jobs.job import Job
from workers.jobs.state import JobState

READ_MAX = 2_000
"""Jobs read for one page, so that labels which few jobs have make no call long: the page is then a short one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs are asked for; what is not set asks for all."""

    states: frozenset[JobState] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    from_us: int | None = None
    """Accepted then or later, in microseconds since 1970."""
    before_us: int | None = None

    def matches_labels(self, job: Job) -> bool:
        """Whether the job has all of the labels."""
        return self.labels.items() <= job.labels.items()

    @property
    def identity(self) -> object:
        """Equal for equal queries."""
        return sorted(self.states), sorted(self.labels.items()), self.from_us, self.before_us


async def list_jobs(store: JobStore, query: JobQuery, page_size: int, token: str) -> tuple[Sequence[Job], str]:
    """A page of jobs, and the token of the next page; empty where there is none.

    Raises:
        Refusal: INVALID_ARGUMENT or STORE_UNAVAILABLE.
    """
    page_size = checked_page_size(page_size)
    if query.from_us is not None and query.before_us is not None and query.from_us > query.before_us:
        raise invalid(FieldViolation("create_time_from", "must not be after create_time_before"))
    place = None
    if token:
        create_time_us, job_id = parse_page_token(query.identity, token, int, str)
        place = Place(create_time_us=int(create_time_us), job_id=str(job_id))
    found: list[Job] = []
    read = 0
    while True:
        count = page_size - len(found)
        page = await store.page(
            query.states, after=place, from_us=query.from_us or 0, before_us=query.before_us, count=count
        )
        found += filter(query.matches_labels, page.jobs)
        read += count
        place = page.end
        if place is None:
            return found, ""
        if len(found) == page_size or read >= READ_MAX:
            return found, page_token(query.identity, [place.create_time_us, place.job_id])
