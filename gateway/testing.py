"""A job store in memory, for tests. The contract tests of the real store run on it too."""

import asyncio
import dataclasses
import time
from collections.abc import Collection, Sequence

from gateway.errors import Reason, Refusal, job_expired, job_not_found, store_unavailable
from gateway.job_store import JobsPage, NewJob, Place, StoreCondition
from workers.jobs.failure import JobFailure, Phase
from workers.jobs.job import Attempt, Job, JobError, PDFResult, Progress
from workers.jobs.state import NEXT_STATES, REPLAYABLE, AttemptState, JobState
from workers.record.dead_letter import DeadLetter
from workers.record.transition import FAILED_QUEUE, INVALID_QUEUE, dead_letter_queue

HELD_STATES = (JobState.RUNNING, JobState.CANCELLING)


class InMemoryJobStore:
    """`JobStore` and `JobFeed` in one, without a worker: tests play the worker by its further methods."""

    def __init__(self, *, max_attempts: int = 4, queued_max: int = 100_000) -> None:
        self.jobs: dict[str, Job] = {}
        self.consumers = 0
        """How many consumers `condition` tells of."""
        self.memory_used_ratio = 0.0
        """How full `condition` says that the store is."""
        self.is_available = True
        """False lets every call fail as if the store were away."""
        self.letters: list[DeadLetter] = []
        """Dead letters, newest first."""
        self._max_attempts = max_attempts
        self._queued_max = queued_max
        self._retention_us: dict[str, int] = {}
        self._expired: set[str] = set()
        self._results: dict[str, str] = {}
        self._requests: dict[str, tuple[str, str]] = {}
        self._subscribed: set[str] = set()
        self._news: asyncio.Queue[Job] = asyncio.Queue()

    # ------------------------------------------------------------ JobStore

    async def submit(self, new: NewJob) -> Job:
        """See `JobStore.submit`."""
        self._check_available()
        known = self._requests.get(new.request_id) if new.request_id else None
        if known and known[0] in self.jobs:
            job_id, digest = known
            if digest != new.request_digest:
                raise Refusal(
                    Reason.REQUEST_ID_REUSED,
                    f"request_id {new.request_id} was used for another request, which made job {job_id}.",
                )
            return self.jobs[job_id]
        if new.id in self.jobs:
            return self.jobs[new.id]
        if new.reused is None and len(self._in_state(JobState.QUEUED)) >= self._queued_max:
            raise Refusal(Reason.QUEUE_FULL, f"{self._queued_max} jobs wait already. Try again later.")
        now = _now_us()
        self._retention_us[new.id] = int(new.retention_seconds * 1_000_000)
        job = Job(
            id=new.id,
            state=JobState.QUEUED,
            seq=1,
            source=new.source,
            options=new.options,
            labels=new.labels,
            create_time_us=now,
            update_time_us=now,
            expire_time_us=now + self._retention_us[new.id],
            deadline_time_us=None if new.deadline_seconds is None else now + int(new.deadline_seconds * 1_000_000),
            max_attempts=self._max_attempts,
        )
        if new.reused is not None:
            job = dataclasses.replace(
                job, state=JobState.SUCCEEDED, end_time_us=now, result=new.reused.result, reused_job_id=new.reused.id
            )
        self.jobs[new.id] = job
        if new.request_id:
            self._requests[new.request_id] = (new.id, new.request_digest)
        if new.result_key is not None:
            self._results[new.id] = new.result_key
        return job

    async def find(self, job_id: str) -> Job:
        """See `JobStore.find`."""
        self._check_available()
        job = self._existing(job_id)
        if job.state is not JobState.QUEUED:
            return job
        return dataclasses.replace(job, queue_position=self._in_state(JobState.QUEUED).index(job))

    async def find_result(self, result_key: str) -> Job | None:
        """See `JobStore.find_result`."""
        self._check_available()
        with_result = [job for job in self.jobs.values() if job.result and self._results.get(job.id) == result_key]
        return max(with_result, key=lambda job: job.end_time_us or 0, default=None)

    async def expect_blob(self, blob: str) -> None:  # noqa: ARG002  (nothing is removed here)
        """See `JobStore.expect_blob`."""
        self._check_available()

    async def page(
        self, states: Collection[JobState], *, after: Place | None, from_us: int, before_us: int | None, count: int
    ) -> JobsPage:
        """See `JobStore.page`."""
        self._check_available()
        found = sorted(
            (
                job
                for job in self.jobs.values()
                if (not states or job.state in states)
                and job.create_time_us >= from_us
                and (before_us is None or job.create_time_us < before_us)
                and (after is None or (job.create_time_us, job.id) < (after.create_time_us, after.job_id))
            ),
            key=lambda job: (job.create_time_us, job.id),
            reverse=True,
        )
        page = found[:count]
        more = len(found) > count
        return JobsPage(
            jobs=page, end=Place(create_time_us=page[-1].create_time_us, job_id=page[-1].id) if more else None
        )

    async def find_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        """See `JobStore.find_many`."""
        self._check_available()
        return [self.jobs.get(job_id) for job_id in job_ids]

    async def cancel(self, job_id: str) -> Job:
        """See `JobStore.cancel`."""
        self._check_available()
        job = self._existing(job_id)
        if job.state.is_terminal:
            raise Refusal(
                Reason.JOB_ALREADY_FINISHED,
                f"Job {job_id} is {job.state.value} and can no longer be cancelled.",
            )
        if job.state is JobState.CANCELLING:
            return job
        is_running = job.state is JobState.RUNNING
        return self.enter(job_id, JobState.CANCELLING if is_running else JobState.CANCELLED)

    async def replay(self, job_id: str) -> Job:
        """See `JobStore.replay`."""
        self._check_available()
        job = self._existing(job_id)
        if not job.state.is_terminal:
            return job
        if job.state not in REPLAYABLE:
            raise Refusal(
                Reason.JOB_ALREADY_SUCCEEDED, f"Job {job_id} is {job.state.value} and has nothing to be replayed for."
            )
        self.letters = [letter for letter in self.letters if letter.job_id != job_id]
        now = _now_us()
        return self._change(
            job,
            now,
            state=JobState.QUEUED,
            run=job.run + 1,
            attempt=0,
            start_time_us=None,
            end_time_us=None,
            deadline_time_us=None,
            progress=None,
            last_error=None,
            expire_time_us=now + self._retention_us[job_id],
        )

    async def delete(self, job_id: str) -> Job:
        """See `JobStore.delete`."""
        self._check_available()
        job = self._existing(job_id)
        if not job.state.is_terminal:
            raise Refusal(
                Reason.JOB_NOT_FINISHED,
                f"Job {job_id} is {job.state.value} and can be deleted when it has ended: cancel it first.",
            )
        self.letters = [letter for letter in self.letters if letter.job_id != job_id]
        return self.jobs.pop(job_id)

    async def dead_letters(self, queue: str, *, start: int, count: int) -> list[DeadLetter]:
        """See `JobStore.dead_letters`."""
        self._check_available()
        return [letter for letter in self.letters if letter.queue == queue][start : start + count]

    async def replay_many(self, job_ids: Sequence[str]) -> int:
        """See `JobStore.replay_many`."""
        replayable = [job_id for job_id in job_ids if job_id in self.jobs and self.jobs[job_id].state in REPLAYABLE]
        return len([await self.replay(job_id) for job_id in replayable])

    async def purge(self, letters: Sequence[DeadLetter]) -> int:
        """See `JobStore.purge`."""
        self._check_available()
        before = len(self.letters)
        self.letters = [letter for letter in self.letters if letter not in letters]
        return before - len(self.letters)

    async def condition(self) -> StoreCondition:
        """See `JobStore.condition`."""
        self._check_available()
        queues = [letter.queue for letter in self.letters]
        return StoreCondition(
            consumers=self.consumers,
            jobs={state: len(self._in_state(state)) for state in JobState},
            dead_letters={queue: queues.count(queue) for queue in (FAILED_QUEUE, INVALID_QUEUE)},
            used_memory_bytes=int(self.memory_used_ratio * 1000),
            memory_bytes_max=1000,
        )

    def _existing(self, job_id: str) -> Job:
        if job_id in self.jobs:
            return self.jobs[job_id]
        raise job_expired(job_id) if job_id in self._expired else job_not_found(job_id)

    def _in_state(self, state: JobState) -> list[Job]:
        return [job for job in self.jobs.values() if job.state is state]

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
        changes["end_time_us"] = now if state.is_terminal else None
        if job.attempts and job.attempts[-1].state is AttemptState.RUNNING and state not in HELD_STATES:
            changes["attempts"] = (*job.attempts[:-1], _ended(job.attempts[-1], now, state, changes.get("last_error")))
        if state.is_terminal:
            changes["expire_time_us"] = now + self._retention_us[job_id]
        return self._change(job, now, state=state, **changes)

    def _change(self, job: Job, now: int, **changes: object) -> Job:
        job = dataclasses.replace(
            job,
            seq=job.seq + 1,
            update_time_us=now,
            **changes,  # type: ignore[arg-type]  # tests name fields of Job
        )
        self.jobs[job.id] = job
        if job.id in self._subscribed:
            self._news.put_nowait(job)
        return job

    def expire(self, job_id: str) -> None:
        """Let a job's time be over."""
        del self.jobs[job_id]
        self._expired.add(job_id)

    def start(self, job_id: str) -> Job:
        """Take a job as a worker would."""
        job = self.jobs[job_id]
        now = _now_us()
        number = job.attempt + 1
        attempt = Attempt(run=job.run, attempt=number, state=AttemptState.RUNNING, worker="test", start_time_us=now)
        return self.enter(
            job_id,
            JobState.RUNNING,
            attempt=number,
            attempts=(*job.attempts, attempt),
            start_time_us=job.start_time_us or now,
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
        job = self.enter(job_id, JobState.FAILED, last_error=JobError.of(failure))
        letter = DeadLetter(
            queue=dead_letter_queue(failure),
            time_us=job.end_time_us or 0,
            reason=failure.reason.value,
            message=failure.message,
            job_id=job_id,
            run=job.run,
            attempt=job.attempt,
            attempts=job.attempts,
            text=f"{job_id} {job.run}",
        )
        self.letters.insert(0, letter)
        return job

    def _check_available(self) -> None:
        if not self.is_available:
            raise store_unavailable()


def _ended(attempt: Attempt, now: int, state: JobState, error: object) -> Attempt:
    if isinstance(error, JobError):
        return dataclasses.replace(attempt, state=AttemptState.FAILED, end_time_us=now, error=error)
    return dataclasses.replace(attempt, state=AttemptState(state.value), end_time_us=now)


def _now_us() -> int:
    return time.time_ns() // 1000
