"""What the gateway does, in the words of its contract; gRPC and HTTP are translations of this."""

import asyncio
import logging
import re
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from gateway.admission import submission_refusal
from gateway.dead_letters import DeadLetters
from gateway.errors import FieldViolation, Reason, Refusal, invalid, job_not_found, store_unavailable
from gateway.job_list import JobQuery, list_jobs
from gateway.job_store import JobStore, NewJob, StoreCondition
from gateway.settings import Settings
from gateway.submission import CheckedSubmission, Submission, check
from gateway.watch_hub import WatchHub
from workers.jobs.job import Job, UploadSource, UrlSource

logger = logging.getLogger("pdfgateway")

HEALTH_SECONDS = 1
"""How long a reading of the service's health is good for."""

_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class BlobWriter(Protocol):
    """Keeps uploaded bytes until a worker reads them."""

    async def put(self, name: str, content: bytes) -> None:
        """Keep the bytes under a name.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """What the service depends on."""

    condition: StoreCondition | None
    """How the job store is; None where it does not answer."""
    refusal: Refusal | None
    """Why a submission would be refused; None where it would be accepted."""

    @property
    def store(self) -> bool:
        """The job store answers."""
        return self.condition is not None

    @property
    def consumers(self) -> int:
        """Consumers that have shown life lately."""
        return self.condition.consumers if self.condition else 0


class GatewayService:
    """What clients may ask of jobs. Every refusal is a `Refusal`."""

    def __init__(self, settings: Settings, store: JobStore, hub: WatchHub, blobs: BlobWriter) -> None:
        self._settings = settings
        self._store = store
        self._hub = hub
        self._blobs = blobs
        self.dead_letters = DeadLetters(store)
        self._known_health: Health | None = None
        self._health: asyncio.Task[Health] | None = None
        self._health_until = 0.0

    @property
    def is_stopping(self) -> bool:
        """Whether this process is to stop, so that its watches end before their jobs."""
        return self._hub.is_stopping

    async def submit(self, submission: Submission) -> Job:
        """Accept one PDF. Once this has returned, the job will reach a terminal state.

        Raises:
            Refusal: INVALID_ARGUMENT, CONTENT_TOO_LARGE, REQUEST_ID_REUSED, QUEUE_FULL, STORE_FULL, STORE_UNAVAILABLE.
        """
        if submission.content is None:
            checked = check(submission, self._settings)
        else:
            # Large bytes take a while to hash; the event loop has others to serve.
            checked = await asyncio.to_thread(check, submission, self._settings)
        reused = await self._reused(checked)
        blob = None
        if reused is None:
            self._check_room()
            blob = await self._keep(checked)
        return await self._store.submit(
            NewJob(
                id=str(uuid.uuid4()),
                source=_source(checked),
                fetch_url=checked.url.text if checked.url else None,
                blob=blob,
                options=checked.options,
                labels=checked.labels,
                retention_seconds=checked.retention_seconds,
                deadline_seconds=checked.deadline_seconds,
                result_key=checked.result_key,
                reused=reused,
                request_id=checked.request_id,
                request_digest=checked.digest,
            )
        )

    async def _reused(self, checked: CheckedSubmission) -> Job | None:
        if not checked.reuse_result or checked.result_key is None:
            return None
        return await self._store.find_result(checked.result_key)

    async def _keep(self, checked: CheckedSubmission) -> str | None:
        if checked.content is None:
            return None
        blob = f"uploads/{checked.content_sha256}"
        await self._store.expect_blob(blob)
        await self._blobs.put(blob, checked.content)
        return blob

    def _check_room(self) -> None:
        """Refuse by what was known of the store a moment ago: to ask it for each submission would cost a round trip.

        That the queue is full is for the store to say, which knows whether the submission is a repeated one.
        """
        self._refresh_health()
        refusal = self._known_health.refusal if self._known_health else None
        if refusal is not None and refusal.reason is Reason.STORE_FULL:
            raise Refusal(refusal.reason, refusal.message)

    async def status(self, job_id: str, *, wait_seconds: float = 0) -> Job:
        """The job as it is now; or, with a wait, when it is terminal, the wait is over or this process is to stop.

        Raises:
            Refusal: INVALID_ARGUMENT, JOB_NOT_FOUND, EXPIRED, TOO_MANY_WATCHES or STORE_UNAVAILABLE.
        """
        _check_job_id(job_id)
        if wait_seconds < 0:
            raise invalid(FieldViolation("wait", "must not be negative"))
        job: Job | None = None
        if wait_seconds > 0:
            seconds = min(wait_seconds, self._settings.wait_seconds_max)
            watch = self._hub.watch(job_id, after_seq=0, heartbeat_seconds=seconds + 1, seconds_max=seconds)
            async with aclosing(watch):
                async for news in watch:
                    job = news or job
        return job or await self._store.find(job_id)

    async def watch(self, job_id: str, *, after_seq: int = 0) -> AsyncGenerator[Job | None, None]:
        """The job at once, and after each change, until it is terminal; None is a heartbeat.

        It ends before when it is too old, and when this process is to stop.

        Raises:
            Refusal: INVALID_ARGUMENT, JOB_NOT_FOUND, EXPIRED, TOO_MANY_WATCHES or STORE_UNAVAILABLE.
        """
        _check_job_id(job_id)
        if after_seq < 0:
            raise invalid(FieldViolation("after_seq", "must not be negative"))
        watch = self._hub.watch(
            job_id,
            after_seq=after_seq,
            heartbeat_seconds=self._settings.heartbeat_seconds,
            seconds_max=self._settings.watch_seconds_max,
        )
        async with aclosing(watch):
            async for news in watch:
                yield news

    async def cancel(self, job_id: str) -> Job:
        """End a job that has not ended, or ask its worker to.

        Raises:
            Refusal: INVALID_ARGUMENT, JOB_NOT_FOUND, EXPIRED, JOB_ALREADY_FINISHED or STORE_UNAVAILABLE.
        """
        _check_job_id(job_id)
        return await self._store.cancel(job_id)

    async def replay(self, job_id: str) -> Job:
        """Start a job's next run, if it FAILED or was CANCELLED; the job as it is, if it has not ended.

        Raises:
            Refusal: INVALID_ARGUMENT, JOB_NOT_FOUND, EXPIRED, JOB_ALREADY_SUCCEEDED or STORE_UNAVAILABLE.
        """
        _check_job_id(job_id)
        return await self._store.replay(job_id)

    async def delete(self, job_id: str) -> Job:
        """Remove a job that has ended; the job as it was.

        Raises:
            Refusal: INVALID_ARGUMENT, JOB_NOT_FOUND, EXPIRED, JOB_NOT_FINISHED or STORE_UNAVAILABLE.
        """
        _check_job_id(job_id)
        return await self._store.delete(job_id)

    async def jobs(self, query: JobQuery, *, page_size: int = 0, page_token: str = "") -> tuple[Sequence[Job], str]:
        """A page of the jobs that are kept, newest first, and the token of the next page; empty where there is none.

        Raises:
            Refusal: INVALID_ARGUMENT or STORE_UNAVAILABLE.
        """
        return await list_jobs(self._store, query, page_size, page_token)

    async def health(self) -> Health:
        """What the service depends on, as it was within the last second: however many ask, the store is asked once."""
        return await asyncio.shield(self._refresh_health())

    def _refresh_health(self) -> asyncio.Task[Health]:
        loop = asyncio.get_running_loop()
        if self._health is None or loop.time() >= self._health_until:
            self._health_until = loop.time() + HEALTH_SECONDS
            self._health = loop.create_task(self._read_health())
        return self._health

    async def _read_health(self) -> Health:
        try:
            condition = await self._store.condition()
        except Refusal as unavailable:
            health = Health(condition=None, refusal=unavailable)
        except Exception:
            logger.exception("The store cannot be asked for its condition")
            health = Health(condition=None, refusal=store_unavailable())
        else:
            refusal = submission_refusal(condition, queued_max=self._settings.queued_jobs_max)
            health = Health(condition=condition, refusal=refusal)
        self._known_health = health
        return health


def _source(checked: CheckedSubmission) -> UrlSource | UploadSource:
    if checked.url is not None:
        return UrlSource(display_url=checked.url.display)
    return UploadSource(
        filename=checked.filename, size_bytes=len(checked.content or b""), sha256=checked.content_sha256
    )


def _check_job_id(job_id: str) -> None:
    if not job_id:
        raise invalid(FieldViolation("job_id", "must not be empty"))
    if not _JOB_ID.fullmatch(job_id):
        raise job_not_found(job_id)
