"""What the gateway needs of the store of jobs: submit, find, cancel, and news of changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.jobs.job import Job, ProcessingOptions, UploadSource, UrlSource


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
    deadline_seconds: float | None = None
    request_id: str = ""
    request_digest: str = ""
    """Equal for equal requests; compared when a request_id comes again."""


class JobStore(Protocol):
    """The store of jobs. Every method answers within a bounded time, or raises.

    Raises (all of them):
        Refusal: STORE_UNAVAILABLE, where the store did not answer in time.
    """

    async def submit(self, new: NewJob) -> Job:
        """Store a job and queue it, at once or not at all; with a known request_id, return its job as it is.

        Raises:
            Refusal: REQUEST_ID_REUSED.
        """
        ...

    async def find(self, job_id: str) -> Job | None:
        """The job as it is now, with its place in the queue; None where there is none."""
        ...

    async def find_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        """The jobs as they are now, in order, without their places in the queue."""
        ...

    async def cancel(self, job_id: str) -> Job:
        """End a job, or ask its worker to.

        Raises:
            Refusal: JOB_NOT_FOUND or JOB_ALREADY_FINISHED.
        """
        ...

    async def count_consumers(self) -> int:
        """How many consumers have shown life lately."""
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
