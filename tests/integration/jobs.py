"""Jobs for consumers without Ray: made, and waited for."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.errors import Refusal
from gateway.job_store import NewJob
from gateway.redis_job_store import RedisJobStore
from workers.jobs.job import Job, ProcessingOptions, UrlSource
from workers.jobs.state import JobState

SAMPLE = Path("gateway/sample.pdf").read_bytes()
SECONDS_MAX = 30


def new_job(url: str) -> NewJob:
    """A job on a URL."""
    return NewJob(
        id=str(uuid.uuid4()),
        source=UrlSource(display_url=url),
        fetch_url=url,
        options=ProcessingOptions(),
        retention_seconds=3600,
        labels={},
    )


async def until(store: RedisJobStore, job_id: str, *states: JobState) -> Job:
    """The job, once it is in one of the states; sweeps meanwhile, as the gateway does."""
    deadline = time.monotonic() + SECONDS_MAX
    job = None
    while time.monotonic() < deadline:
        try:
            job = await store.find(job_id)
            await store.sweep(with_leases=True)
        except Refusal:
            pass
        if job is not None and job.state in states:
            return job
        await asyncio.sleep(0.02)
    raise AssertionError(f"the job is still {job}")


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + SECONDS_MAX
    while not await condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.02)
