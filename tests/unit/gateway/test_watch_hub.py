"""Watches: what each watcher is told, and what it costs."""

import asyncio
import uuid
from collections.abc import AsyncGenerator

import pytest

from gateway.errors import Reason, Refusal
from gateway.job_store import NewJob
from gateway.testing import InMemoryJobStore
from gateway.watch_hub import WatchHub
from workers.jobs.job import Job, PDFResult, ProcessingOptions, UrlSource
from workers.jobs.state import JobState

RESULT = PDFResult(
    page_count=1,
    word_count=1,
    char_count=1,
    summary="",
    processing_seconds=0.1,
    sha256="",
    size_bytes=1,
    engine="e",
)


@pytest.fixture
def store() -> InMemoryJobStore:
    """A store of jobs."""
    return InMemoryJobStore()


@pytest.fixture
async def hub(store: InMemoryJobStore) -> AsyncGenerator[WatchHub, None]:
    """A running hub over the store."""
    hub = WatchHub(store, store, watches_max=3, poll_seconds=0.05)
    running = asyncio.create_task(hub.run())
    yield hub
    running.cancel()


async def submitted(store: InMemoryJobStore) -> str:
    """The id of a queued job."""
    new = NewJob(
        id=str(uuid.uuid4()),
        source=UrlSource(display_url="https://example.com/"),
        options=ProcessingOptions(),
        labels={},
        retention_seconds=3600,
    )
    return (await store.submit(new)).id


def watch(
    hub: WatchHub, job_id: str, *, after_seq: int = 0, heartbeat_seconds: float = 5, seconds_max: float = 5
) -> AsyncGenerator[Job | None, None]:
    """A watch with short times."""
    return hub.watch(job_id, after_seq=after_seq, heartbeat_seconds=heartbeat_seconds, seconds_max=seconds_max)


async def test_the_present_state_comes_at_once(hub: WatchHub, store: InMemoryJobStore) -> None:
    """Nobody waits for a change to learn where a job stands."""
    job_id = await submitted(store)
    first = await asyncio.wait_for(anext(watch(hub, job_id)), 1)
    assert first is not None
    assert first.state is JobState.QUEUED


async def test_the_watch_ends_after_the_terminal_state(hub: WatchHub, store: InMemoryJobStore) -> None:
    """Every state that the watcher kept up with is seen, in order, and the last one ends the watch."""
    job_id = await submitted(store)
    seen = []
    async for job in watch(hub, job_id):
        assert job is not None
        seen.append((job.seq, job.state))
        if job.state is JobState.QUEUED:
            store.start(job_id)
        elif job.state is JobState.RUNNING:
            store.succeed(job_id, RESULT)
    assert seen == [(1, JobState.QUEUED), (2, JobState.RUNNING), (3, JobState.SUCCEEDED)]


async def test_a_slow_watcher_misses_states_in_between_never_the_last(hub: WatchHub, store: InMemoryJobStore) -> None:
    """Nothing is buffered for a watcher that does not read."""
    job_id = await submitted(store)
    slow = watch(hub, job_id)
    await anext(slow)
    store.start(job_id)
    for page in range(100):
        store.progress(job_id, page, 100)
    store.succeed(job_id, RESULT)
    await asyncio.sleep(0.01)  # the hub takes the news in; the watcher has read none
    rest = [job async for job in slow]
    assert [job and job.state for job in rest] == [JobState.SUCCEEDED]


async def test_a_resumed_watch_begins_after_the_seq_it_knows(hub: WatchHub, store: InMemoryJobStore) -> None:
    """What was received is not sent again."""
    job_id = await submitted(store)
    store.start(job_id)
    resumed = watch(hub, job_id, after_seq=2)
    pending = asyncio.ensure_future(anext(resumed))
    await asyncio.sleep(0.01)
    assert not pending.done()
    store.progress(job_id, 1, 2)
    news = await asyncio.wait_for(pending, 1)
    assert news is not None
    assert news.seq == 3


async def test_a_terminal_job_is_sent_even_to_who_knows_its_seq(hub: WatchHub, store: InMemoryJobStore) -> None:
    """A watch of a finished job ends with its state, it does not hang."""
    job_id = await submitted(store)
    await store.cancel(job_id)
    assert [job and job.state async for job in watch(hub, job_id, after_seq=2)] == [JobState.CANCELLED]


async def test_quiet_times_have_heartbeats(hub: WatchHub, store: InMemoryJobStore) -> None:
    """A watcher can tell a quiet job from a dead connection."""
    job_id = await submitted(store)
    quiet = watch(hub, job_id, heartbeat_seconds=0.02, seconds_max=0.1)
    news = [job async for job in quiet]
    assert news[0] is not None
    assert news[1:].count(None) == len(news) - 1 >= 2


async def test_a_watch_that_is_too_old_ends_cleanly(hub: WatchHub, store: InMemoryJobStore) -> None:
    """Its end is no error; the client watches again."""
    job_id = await submitted(store)
    assert len([job async for job in watch(hub, job_id, seconds_max=0.05)]) == 1


async def test_news_that_was_lost_is_found_by_reading(hub: WatchHub, store: InMemoryJobStore) -> None:
    """Pub/sub may lose messages; the hub reads all watched jobs now and then."""
    job_id = await submitted(store)
    watching = watch(hub, job_id)
    await anext(watching)
    await store.unsubscribe(job_id)
    store.start(job_id)
    news = await asyncio.wait_for(anext(watching), 2)
    assert news is not None
    assert news.state is JobState.RUNNING


async def test_an_unknown_job_is_refused(hub: WatchHub) -> None:
    """There is nothing to watch."""
    with pytest.raises(Refusal) as refused:
        await anext(watch(hub, "unknown"))
    assert refused.value.reason is Reason.JOB_NOT_FOUND
    assert hub.watches == 0


async def test_a_job_that_expires_under_watch_ends_the_watch(hub: WatchHub, store: InMemoryJobStore) -> None:
    """A job that is removed is not found from then on."""
    job_id = await submitted(store)
    watching = watch(hub, job_id)
    await anext(watching)
    del store.jobs[job_id]
    with pytest.raises(Refusal) as refused:
        await asyncio.wait_for(anext(watching), 2)
    assert refused.value.reason is Reason.JOB_NOT_FOUND


async def test_watches_over_the_limit_are_refused(hub: WatchHub, store: InMemoryJobStore) -> None:
    """The limit is met exactly, and a watch that ends makes room."""
    job_id = await submitted(store)
    watches = [watch(hub, job_id) for _ in range(3)]
    for one in watches:
        await anext(one)
    with pytest.raises(Refusal) as refused:
        await anext(watch(hub, job_id))
    assert refused.value.reason is Reason.TOO_MANY_WATCHES
    await watches[0].aclose()
    await anext(watch(hub, job_id))


async def test_many_watchers_of_a_job_share_one_subscription(hub: WatchHub, store: InMemoryJobStore) -> None:
    """The last watcher's end is the end of the subscription, and not before."""
    job_id = await submitted(store)
    first, second = watch(hub, job_id), watch(hub, job_id)
    await anext(first)
    await anext(second)
    await first.aclose()
    store.start(job_id)
    assert await asyncio.wait_for(anext(second), 1)
    await second.aclose()
    assert hub.watches == 0
    assert not store._subscribed


async def test_a_store_that_is_away_refuses_a_new_watch(hub: WatchHub, store: InMemoryJobStore) -> None:
    """Truth or a refusal: there is no third."""
    job_id = await submitted(store)
    store.is_available = False
    with pytest.raises(Refusal) as refused:
        await anext(watch(hub, job_id))
    assert refused.value.reason is Reason.STORE_UNAVAILABLE
    assert hub.watches == 0


async def test_a_stop_ends_all_watches_at_once(hub: WatchHub, store: InMemoryJobStore) -> None:
    """However quiet the jobs are, and leaving nothing behind."""
    watches = [watch(hub, await submitted(store), heartbeat_seconds=60, seconds_max=60) for _ in range(3)]
    for one in watches:
        await anext(one)
    waiting = [asyncio.ensure_future(anext(one, "ended")) for one in watches]
    await asyncio.sleep(0.01)  # all three wait for a change
    hub.stop()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 1) == ["ended"] * 3
    assert hub.watches == 0
    assert not store._subscribed


async def test_a_stopped_hub_tells_the_newest_state_before_the_end(hub: WatchHub, store: InMemoryJobStore) -> None:
    """What a slow watcher has not taken yet is not lost by the stop."""
    job_id = await submitted(store)
    slow = watch(hub, job_id)
    await anext(slow)
    store.start(job_id)
    store.succeed(job_id, RESULT)
    await asyncio.sleep(0.01)  # the hub takes the news in; the watcher has read none
    hub.stop()
    assert [job and job.state async for job in slow] == [JobState.SUCCEEDED]


async def test_a_watch_that_is_begun_while_stopping_shows_the_job_and_ends(
    hub: WatchHub, store: InMemoryJobStore
) -> None:
    """It is answered with the truth, and never waits."""
    job_id = await submitted(store)
    hub.stop()
    seen = [job and job.state async for job in watch(hub, job_id, heartbeat_seconds=60, seconds_max=60)]
    assert seen == [JobState.QUEUED]
    assert [job async for job in watch(hub, job_id, after_seq=1, heartbeat_seconds=60, seconds_max=60)] == []
