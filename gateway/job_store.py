"""What the gateway needs of the store of jobs: submit, find, list, cancel, replay, delete, and news of changes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.jobs.job import Job, ProcessingOptions, UploadSource, UrlSource
from workers.jobs.state import JobState
from workers.record.dead_letter import DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be accepted; everything in it has been checked."""

    id: str
    source: UrlSource | UploadSource
    fetch_url: str | None = None
    """The whole URL, which may hold secrets; None for an upload."""
    blob: str | None = None
    """The name of the upload's bytes in the blob store; None for a URL."""
    options: ProcessingOptions
    labels: dict[str, str]
    retention_seconds: float
    deadline_seconds: float | None = None
    result_key: str | None = None
    """Equal for uploads with equal bytes and options, whose results are the same; None for a URL."""
    reused: Job | None = None
    """A job whose result this one is given at once."""
    request_id: str = ""
    request_digest: str = ""
    """Equal for equal requests; compared when a request_id comes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in a list of jobs, newest first: that of the last job seen."""

    create_time_us: int
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsPage:
    """A part of a list of jobs."""

    jobs: Sequence[Job]
    end: Place | None
    """Where the next part begins; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCondition:
    """How the store is."""

    consumers: int
    """Consumers that have shown life lately."""
    jobs: Mapping[JobState, int]
    """Jobs in each state."""
    dead_letters: Mapping[str, int]
    """Letters in each dead-letter queue."""
    used_memory_bytes: int = 0
    memory_bytes_max: int = 0
    """What the store may use; 0 where there is no limit."""
    can_write: bool = True
    """False where the store cannot write to its disk, and so refuses changes."""

    @property
    def memory_used_ratio(self) -> float:
        """How much of its memory the store has used, from 0 to about 1; 0 where there is no limit."""
        return self.used_memory_bytes / self.memory_bytes_max if self.memory_bytes_max else 0.0


class JobStore(Protocol):
    """The store of jobs. Every method answers within a bounded time, or raises.

    Raises (all of them):
        Refusal: STORE_UNAVAILABLE, where the store did not answer in time.
    """

    async def submit(self, new: NewJob) -> Job:
        """Store a job and queue it, at once or not at all; with a known request_id, return its job as it is.

        Raises:
            Refusal: REQUEST_ID_REUSED or QUEUE_FULL.
        """
        ...

    async def find(self, job_id: str) -> Job:
        """The job as it is now, with its place in the queue.

        Raises:
            Refusal: JOB_NOT_FOUND or EXPIRED.
        """
        ...

    async def find_result(self, result_key: str) -> Job | None:
        """The newest job with a result of this key; None where none is kept."""
        ...

    async def expect_blob(self, blob: str) -> None:
        """Say that bytes are about to be kept under a name, so that they are not removed before a job uses them.

        Raises:
            Refusal: STORE_UNAVAILABLE, while the same bytes are being removed.
        """
        ...

    async def page(
        self, states: Collection[JobState], *, after: Place | None, from_us: int, before_us: int | None, count: int
    ) -> JobsPage:
        """At most `count` jobs in one of the states, or in any if none is named, newest first, after a place.

        `from_us` and `before_us` bound the time of their acceptance. The jobs come without their places in the queue.
        """
        ...

    async def find_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        """The jobs as they are now, in order, without their places in the queue."""
        ...

    async def cancel(self, job_id: str) -> Job:
        """End a job, or ask its worker to.

        Raises:
            Refusal: JOB_NOT_FOUND, EXPIRED or JOB_ALREADY_FINISHED.
        """
        ...

    async def replay(self, job_id: str) -> Job:
        """Start a job's next run, if it FAILED or was CANCELLED; the job as it is, if it has not ended.

        Raises:
            Refusal: JOB_NOT_FOUND, EXPIRED or JOB_ALREADY_SUCCEEDED.
        """
        ...

    async def delete(self, job_id: str) -> Job:
        """Remove a job that has ended; the job as it was.

        Raises:
            Refusal: JOB_NOT_FOUND, EXPIRED or JOB_NOT_FINISHED.
        """
        ...

    async def dead_letters(self, queue: str, *, start: int, count: int) -> list[DeadLetter]:
        """At most `count` letters of a dead-letter queue, newest first, from the position `start` on."""
        ...

    async def replay_many(self, job_ids: Sequence[str]) -> int:
        """Start the next run of each of the jobs that can be replayed; how many."""
        ...

    async def purge(self, letters: Sequence[DeadLetter]) -> int:
        """Remove dead letters; how many were there to be removed."""
        ...

    async def condition(self) -> StoreCondition:
        """How the store is."""
        ...


class JobFeed(Protocol):
    """News of the changes of jobs that are asked for. It may lose some: who needs all reads the store as well."""

    async def subscribe(self, job_id: str) -> None:
        """From the return of this call on, changes of the job are told.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        ...

    async def unsubscribe(self, job_id: str) -> None:
        """Tell no more of the job."""
        ...

    async def next(self) -> Job:
        """The next change of a subscribed job. Waits for ever; mends broken connections by itself."""
        ...
