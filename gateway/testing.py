"""A job store in memory, for tests. The contract tests of the real store run on it too."""

import asyncio
import dataclasses
import time
from collections.abc import Sequence

from gateway.errors import Reason, Refusal, job_not_found, store_unavailable
from gateway.job_store import NewJob
from workers.jobs.failure import JobFailure, Phase
from workers.jobs.job import Job, JobError, PDFResult, Progress
from workers.jobs.state import NEXT_STATES, JobState


class InMemoryJobStore:
    """`JobStore` and `JobFeed` in one, without a worker: tests play the worker by its further methods."""

    def __init__(self, *, max_attempts: int = 4, retention_seconds: float = 7 * 86_400) -> None:
        self.jobs: dict[str, Job] = {}
        self.consumers = 0
        """What `count_consumers` answers."""
        self.is_available = True
        """False lets every call fail as if the store were away."""
        self._max_attempts = max_attempts
        self._retention_us = int(retention_seconds * 1_000_000)
        self._requests: dict[str, tuple[str, str]] = {}
        self._subscribed: set[str] = set()
        self._news: asyncio.Queue[Job] = asyncio.Queue()

    # ------------------------------------------------------------ JobStore

    async def submit(self, new: NewJob) -> Job:
        """See `JobStore.submit`."""
        self._check_available()
        if known := self._requests.get(new.request_id) if new.request_id else None:
            job_id, digest = known
            if digest != new.request_digest:
                raise Refusal(
                    Reason.REQUEST_ID_REUSED,
                    f"request_id {new.request_id} was used for another request, which made job {job_id}.",
                )
            return self.jobs[job_id]
        if new.id in self.jobs:
            return self.jobs[new.id]
        now = _now_us()
        job = Job(
            id=new.id,
            state=JobState.QUEUED,
            seq=1,
            source=new.source,
            options=new.options,
            labels=new.labels,
            create_time_us=now,
            update_time_us=now,
            expire_time_us=now + self._retention_us,
            deadline_time_us=None if new.deadline_seconds is None else now + int(new.deadline_seconds * 1_000_000),
            max_attempts=self._max_attempts,
        )
        self.jobs[new.id] = job
        if new.request_id:
            self._requests[new.request_id] = (new.id, new.request_digest)
        return job

    async def find(self, job_id: str) -> Job | None:
        """See `JobStore.find`."""
        self._check_available()
        job = self.jobs.get(job_id)
        if job is None or job.state is not JobState.QUEUED:
            return job
        queued = [other.id for other in self.jobs.values() if other.state is JobState.QUEUED]
        return dataclasses.replace(job, queue_position=queued.index(job_id))

    async def find_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        """See `JobStore.find_many`."""
        self._check_available()
        return [self.jobs.get(job_id) for job_id in job_ids]

    async def cancel(self, job_id: str) -> Job:
        """See `JobStore.cancel`."""
        self._check_available()
        job = self.jobs.get(job_id)
        if job is None:
            raise job_not_found(job_id)
        if job.state.is_terminal:
            raise Refusal(
                Reason.JOB_ALREADY_FINISHED,
                f"Job {job_id} is {job.state.value} and can no longer be cancelled.",
            )
        if job.state is JobState.CANCELLING:
            return job
        is_running = job.state is JobState.RUNNING
        return self.enter(job_id, JobState.CANCELLING if is_running else JobState.CANCELLED)

    async def count_consumers(self) -> int:
        """See `JobStore.count_consumers`."""
        self._check_available()
        return self.consumers

    # ------------------------------------------------------------ JobFeed

    async def subscribe(self, job_id: str) -> None:
        """See `JobFeed.subscribe`."""
        self._check_available()
        self._subscribed.add(job_id)

    async def unsubscribe(self, job_id: str) -> None:
        """See `JobFeed.unsubscribe`."""
        self._subscribed.discard(job_id)

    async def next(self) -> Job:
        """See `JobFeed.next`."""
        return await self._news.get()

    # ------------------------------------------------------------ the worker's part, played by tests

    def enter(self, job_id: str, state: JobState, **changes: object) -> Job:
        """Move a job to a state.

        Raises:
            ValueError: the state may not follow the present one.
        """
        job = self.jobs[job_id]
        if state is not job.state and state not in NEXT_STATES[job.state]:
            raise ValueError(f"{state} may not follow {job.state}")
        now = _now_us()
        job = dataclasses.replace(
            job,
            state=state,
            seq=job.seq + 1,
            update_time_us=now,
            end_time_us=now if state.is_terminal else None,
            **changes,  # type: ignore[arg-type]  # tests name fields of Job
        )
        self.jobs[job_id] = job
        if job_id in self._subscribed:
            self._news.put_nowait(job)
        return job

    def start(self, job_id: str) -> Job:
        """Take a job as a worker would."""
        job = self.jobs[job_id]
        return self.enter(
            job_id,
            JobState.RUNNING,
            attempt=job.attempt + 1,
            start_time_us=_now_us(),
            progress=Progress(phase=Phase.FETCH),
        )

    def progress(self, job_id: str, pages_done: int, page_count: int) -> Job:
        """Report pages."""
        progress = Progress(phase=Phase.EXTRACT, pages_done=pages_done, page_count=page_count)
        return self.enter(job_id, self.jobs[job_id].state, progress=progress)

    def succeed(self, job_id: str, result: PDFResult) -> Job:
        """End a job with a result."""
        return self.enter(job_id, JobState.SUCCEEDED, result=result)

    def fail(self, job_id: str, failure: JobFailure) -> Job:
        """End a job with a failure."""
        return self.enter(job_id, JobState.FAILED, last_error=JobError.of(failure))

    def _check_available(self) -> None:
        if not self.is_available:
            raise store_unavailable()


def _now_us() -> int:
    return time.time_ns() // 1000
