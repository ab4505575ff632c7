"""What the gateway does, in the words of its contract; gRPC and HTTP are translations of this."""

import asyncio
import logging
import re
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import FieldViolation, Refusal, invalid, job_not_found
from gateway.job_store import JobStore, NewJob
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

    store: bool
    """The job store answers."""
    consumers: int
    """Consumers that have shown life lately."""


class GatewayService:
    """Submit, status, watch and cancel. Every refusal is a `Refusal`."""

    def __init__(self, settings: Settings, store: JobStore, hub: WatchHub, blobs: BlobWriter) -> None:
        self._settings = settings
        self._store = store
        self._hub = hub
        self._blobs = blobs
        self._health: asyncio.Task[Health] | None = None
        self._health_until = 0.0

    async def submit(self, submission: Submission) -> Job:
        """Accept one PDF. Once this has returned, the job will reach a terminal state.

        Raises:
            Refusal: INVALID_ARGUMENT, CONTENT_TOO_LARGE, REQUEST_ID_REUSED or STORE_UNAVAILABLE.
        """
        if submission.content is None:
            checked = check(submission, self._settings)
        else:
            # Large bytes take a while to hash; the event loop has others to serve.
            checked = await asyncio.to_thread(check, submission, self._settings)
        source, blob = await self._keep_source(checked)
        return await self._store.submit(
            NewJob(
                id=str(uuid.uuid4()),
                source=source,
                fetch_url=checked.url.text if checked.url else None,
                blob=blob,
                options=checked.options,
                labels=checked.labels,
                deadline_seconds=checked.deadline_seconds,
                request_id=checked.request_id,
                request_digest=checked.digest,
            )
        )

    async def _keep_source(self, checked: CheckedSubmission) -> tuple[UrlSource | UploadSource, str | None]:
        if checked.url is not None:
            return UrlSource(display_url=checked.url.display), None
        content = checked.content or b""
        blob = f"uploads/{checked.content_sha256}"
        await self._blobs.put(blob, content)
        upload = UploadSource(filename=checked.filename, size_bytes=len(content), sha256=checked.content_sha256)
        return upload, blob

    async def status(self, job_id: str, *, wait_seconds: float = 0) -> Job:
        """The job as it is now; or, with a wait, when it is terminal or the wait is over.

        Raises:
            Refusal: INVALID_ARGUMENT, JOB_NOT_FOUND, TOO_MANY_WATCHES or STORE_UNAVAILABLE.
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
        job = job or await self._store.find(job_id)
        if job is None:
            raise job_not_found(job_id)
        return job

    async def watch(self, job_id: str, *, after_seq: int = 0) -> AsyncGenerator[Job | None, None]:
        """The job at once, and after each change, until it is terminal or the watch is too old; None is a heartbeat.

        Raises:
            Refusal: INVALID_ARGUMENT, JOB_NOT_FOUND, TOO_MANY_WATCHES or STORE_UNAVAILABLE.
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
            Refusal: INVALID_ARGUMENT, JOB_NOT_FOUND, JOB_ALREADY_FINISHED or STORE_UNAVAILABLE.
        """
        _check_job_id(job_id)
        return await self._store.cancel(job_id)

    async def health(self) -> Health:
        """What the service depends on, as it was within the last second: however many ask, the store is asked once."""
        loop = asyncio.get_running_loop()
        if self._health is None or loop.time() >= self._health_until:
            self._health_until = loop.time() + HEALTH_SECONDS
            self._health = loop.create_task(self._read_health())
        return await asyncio.shield(self._health)

    async def _read_health(self) -> Health:
        try:
            return Health(store=True, consumers=await self._store.count_consumers())
        except Refusal:
            return Health(store=False, consumers=0)
        except Exception:
            logger.exception("The store cannot be asked for its consumers")
            return Health(store=False, consumers=0)


def _check_job_id(job_id: str) -> None:
    if not job_id:
        raise invalid(FieldViolation("job_id", "must not be empty"))
    if not _JOB_ID.fullmatch(job_id):
        raise job_not_found(job_id)
