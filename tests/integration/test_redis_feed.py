"""The feed of changes on a real Valkey whose connections break."""

import asyncio
import dataclasses
import time
import uuid

from redis import Redis

from gateway.job_store import NewJob
from gateway.watch_hub import WatchHub
from tests.contract.stores import redis_stores
from workers.jobs.job import ProcessingOptions, UrlSource
from workers.jobs.state import JobState

NEW = NewJob(
    id="",
    source=UrlSource(display_url="https://example.com/"),
    fetch_url="https://example.com/",
    options=ProcessingOptions(),
    labels={},
    retention_seconds=3600,
)
CHURN_SECONDS = 4
WATCHERS = 30


async def test_watching_outlives_broken_connections(valkey: Redis) -> None:
    """Connections that are cut while watchers come and go cost no watcher its job's end, then and later."""
    async with redis_stores(valkey) as stores:
        hub = WatchHub(stores.store, stores.feed, watches_max=1000, poll_seconds=0.5)
        running = asyncio.create_task(hub.run())
        end = time.monotonic() + CHURN_SECONDS

        async def cut() -> None:
            while time.monotonic() < end:
                await asyncio.to_thread(valkey.execute_command, "CLIENT", "KILL", "TYPE", "pubsub")
                await asyncio.sleep(0.02)

        async def one_job_after_another() -> int:
            ended = 0
            while time.monotonic() < end:
                job = await stores.store.submit(dataclasses.replace(NEW, id=str(uuid.uuid4())))
                watch = hub.watch(job.id, after_seq=0, heartbeat_seconds=1, seconds_max=10)
                await anext(watch)
                await stores.store.cancel(job.id)
                states = [news.state async for news in watch if news is not None]
                assert states == [JobState.CANCELLED]
                ended += 1
            return ended

        async with asyncio.timeout(60):
            watchers = [asyncio.create_task(one_job_after_another()) for _ in range(WATCHERS)]
            counts, _ = await asyncio.gather(asyncio.gather(*watchers), cut())
        assert min(counts) >= 1
        assert not running.done()
        running.cancel()
