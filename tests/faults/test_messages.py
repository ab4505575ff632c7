"""Messages that get lost or come twice, and consumers that die in between: each job ends once."""

import asyncio
import json
import signal
import time

import pytest
from redis import Redis

from gateway.embedded_valkey import EmbeddedValkey
from gateway.redis_job_store import RedisJobStore
from tests.faults.conftest import NoteFigure
from tests.integration.conftest import StartConsumer
from tests.integration.jobs import SAMPLE, eventually, new_job, until
from tests.origin import Origin
from workers.celery_settings import QUEUE, TRANSPORT_OPTIONS
from workers.jobs.state import JobState

UNACKED = str(TRANSPORT_OPTIONS["unacked_key"])
UNACKED_INDEX = str(TRANSPORT_OPTIONS["unacked_index_key"])


async def test_a_message_lost_between_redis_and_its_consumer_runs_again(
    own_valkey: EmbeddedValkey,
    store: RedisJobStore,
    origin: Origin,
    start_consumer: StartConsumer,
    figure: NoteFigure,
) -> None:
    """A consumer is stopped while it waits, is sent a job, and killed: kombu has lost it, and it runs within 60 s."""
    url = origin.serve("/lost.pdf", SAMPLE)
    consumer = start_consumer()
    with Redis(port=own_valkey.port) as client:

        async def waits() -> bool:
            return int(client.info("clients")["blocked_clients"]) > 0

        while True:
            await eventually(waits)
            consumer.send_signal(signal.SIGSTOP)
            new = new_job(url)
            await store.submit(new)
            if client.llen(QUEUE) == 0:
                break
            # Its waiting had just ended; once more.
            consumer.send_signal(signal.SIGCONT)
            await until(store, new.id, JobState.SUCCEEDED)
        consumer.kill()
        begin = time.monotonic()
        assert client.hlen(UNACKED) == 0
    start_consumer()
    job = await until(store, new.id, JobState.SUCCEEDED)
    assert job.attempt == 1
    figure("P7 a message lost by kombu's BRPOP: its job has succeeded after", time.monotonic() - begin, 60)


async def test_a_consumer_killed_before_it_acknowledges_ends_nothing_twice(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """kill -9 after the result is stored: the message that is delivered again finds the job ended, and goes away."""
    new = new_job(origin.serve("/acknowledged.pdf", SAMPLE))
    await store.submit(new)
    consumer = start_consumer(dies_at="ack")
    done = await until(store, new.id, JobState.SUCCEEDED)
    assert await asyncio.to_thread(consumer.wait, 20) == -signal.SIGKILL
    with Redis(port=own_valkey.port) as client:
        (unacknowledged,) = client.hvals(UNACKED)
        client.lpush(QUEUE, json.dumps(json.loads(unacknowledged)[0]))
        client.delete(UNACKED, UNACKED_INDEX)
        start_consumer()

        async def gone() -> bool:
            return client.llen(QUEUE) == client.hlen(UNACKED) == 0

        await eventually(gone)
    assert await store.find(new.id) == done
    assert len([request for request in origin.requests if request.target == "/acknowledged.pdf"]) == 1


@pytest.mark.long
async def test_a_message_delivered_again_while_its_job_runs_runs_once(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """A job longer than Celery's visibility timeout: its message comes a second time, and that one goes away."""
    new = new_job(origin.serve_in_halves("/long.pdf", SAMPLE, 15))
    start_consumer()
    await store.submit(new)
    await until(store, new.id, JobState.RUNNING)
    with Redis(port=own_valkey.port) as client:
        tag, *_ = client.hkeys(UNACKED)
        client.zadd(UNACKED_INDEX, {tag: 0})

        async def came_again() -> bool:
            return client.zscore(UNACKED_INDEX, tag) is None and client.llen(QUEUE) == 0

        await eventually(came_again)
    running = await store.find(new.id)
    assert running is not None
    assert running.state is JobState.RUNNING
    job = await until(store, new.id, JobState.SUCCEEDED)
    assert job.attempt == 1
    assert len([request for request in origin.requests if request.target == "/long.pdf"]) == 1
