"""What a scale-down costs a job: nothing."""

import asyncio

from gateway.redis_job_store import RedisJobStore
from tests import pdfs
from tests.integration.conftest import StartConsumer
from tests.integration.jobs import new_job, until
from tests.origin import Origin
from workers.jobs.state import JobState

JOB_SECONDS = 5
BODY = pdfs.prose(1)


async def test_a_consumer_that_stops_alone_finishes_its_job(
    store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """Fewer consumers are needed: the job in hand is not cut, though it takes longer than a stop of all may."""
    new = new_job(origin.drip("/last.pdf", BODY, JOB_SECONDS / len(BODY)))
    await store.submit(new)
    consumer = start_consumer(alone=True)
    await until(store, new.id, JobState.RUNNING)
    consumer.terminate()
    job = await until(store, new.id, JobState.SUCCEEDED)
    assert job.attempt == 1
    assert len(origin.requests) == 1
    assert await asyncio.to_thread(consumer.wait, 20) == 0
