"""A real consumer on a queue onto which somebody else has put something."""

import json
import time

import pytest
from redis import Redis

from gateway.embedded_valkey import EmbeddedValkey
from gateway.redis_job_store import RedisJobStore
from tests.integration.conftest import StartConsumer
from tests.integration.jobs import SAMPLE, eventually, new_job, until
from tests.origin import Origin
from tests.queue_items import MALFORMED, UNKNOWN_TASKS, hostile_message, job_message, stock_message
from workers.celery_settings import QUEUE
from workers.dead_message import RAW_CHARS_MAX, bury
from workers.jobs.state import JobState
from workers.message_check import MessageFault, NotAJobMessage
from workers.record.dead_letter import DeadLetter, parse_dead_letter
from workers.record.transition import DEAD_LETTERS_MAX, INVALID_QUEUE

UNACKED, UNACKED_INDEX = "pdfgateway:unacked", "pdfgateway:unacked_index"
QUEUE_OF_PRIORITY_3 = f"{QUEUE}\x06\x163"
"""The list in which kombu has the queue's messages of a priority."""


def dead_letters(client: "Redis[bytes]") -> list[DeadLetter]:
    """The invalid dead letters as the gateway reads them, newest first."""
    return [parse_dead_letter(INVALID_QUEUE, stored) for stored in client.lrange(INVALID_QUEUE, 0, -1)]


def shown(item: bytes) -> str:
    """What a dead letter shows of an item."""
    return item.decode("utf-8", "backslashreplace")[:RAW_CHARS_MAX]


async def test_whatever_lies_on_the_queue_is_put_aside_and_the_consumer_goes_on(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """Each item that is no job's message becomes a dead letter that a machine can read; the job behind it succeeds."""
    items = [*MALFORMED.values(), *UNKNOWN_TASKS.values()]
    start_us = time.time_ns() // 1_000
    with Redis(port=own_valkey.port) as client:
        client.lpush(QUEUE, *items)
        client.lpush(QUEUE_OF_PRIORITY_3, *items)
        new = new_job(origin.serve("/a.pdf", SAMPLE))
        await store.submit(new)
        consumer = start_consumer()
        await until(store, new.id, JobState.SUCCEEDED)

        async def all_is_gone() -> bool:
            return not client.exists(QUEUE, QUEUE_OF_PRIORITY_3, UNACKED, UNACKED_INDEX)

        await eventually(all_is_gone)
        # The newest is the first; the second list is read when the first one is empty.
        letters = dead_letters(client)[::-1]
    assert consumer.poll() is None
    assert [(letter.reason, letter.raw) for letter in letters] == 2 * [
        *(("MALFORMED_MESSAGE", shown(item)) for item in MALFORMED.values()),
        *(("UNKNOWN_TASK", shown(item)) for item in UNKNOWN_TASKS.values()),
    ]
    assert all(letter.message and not letter.job_id for letter in letters)
    times_us = [letter.time_us for letter in letters]
    assert times_us == sorted(times_us)
    assert start_us <= times_us[0] <= times_us[-1] <= time.time_ns() // 1_000


async def test_of_a_message_nothing_but_the_jobs_id_reaches_celery(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """What a message says beside it may be anything: the job of the id is done, and no harm."""
    new = new_job(origin.serve("/a.pdf", SAMPLE))
    await store.submit(new)
    with Redis(port=own_valkey.port) as client:
        client.delete(QUEUE)
        client.lpush(QUEUE, hostile_message(new.id))
        consumer = start_consumer()
        job = await until(store, new.id, JobState.SUCCEEDED)
        assert job.attempt == 1

        async def is_acknowledged() -> bool:
            return not client.exists(UNACKED, UNACKED_INDEX)

        await eventually(is_acknowledged)
        assert not client.exists(INVALID_QUEUE)
    assert consumer.poll() is None


async def test_what_is_restored_is_checked_like_what_is_new(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """An entry of kombu's books that is no job's message is put aside, whoever left it; a job's is worked on."""
    entries = {
        "not UTF-8": b"\xff\xfe",
        "not JSON": b"not JSON",
        "nested too deep": b"[" * 20_000,
        "no list of three": b"[1, 2]",
        "no message": json.dumps([{"headers": {}, "properties": {}}, [], {}]),
        "a list": json.dumps([[], "", QUEUE]),
        "another task's": json.dumps([stock_message("somebody_elses"), "", QUEUE]),
    }
    new = new_job(origin.serve("/a.pdf", SAMPLE))
    await store.submit(new)
    with Redis(port=own_valkey.port) as client:
        client.delete(QUEUE)
        client.hset(UNACKED, mapping={**entries, "a job's": json.dumps([job_message(new.id), "", QUEUE])})
        # Unacknowledged for longer than the visibility timeout; a tag without an entry is kombu's to bear.
        client.zadd(UNACKED_INDEX, dict.fromkeys([*entries, "a job's", "without an entry"], 1))
        consumer = start_consumer()
        job = await until(store, new.id, JobState.SUCCEEDED)
        assert job.attempt == 1

        async def all_is_gone() -> bool:
            return not client.exists(QUEUE, UNACKED, UNACKED_INDEX)

        await eventually(all_is_gone)
        letters = dead_letters(client)
    assert sorted(letter.reason for letter in letters) == ["MALFORMED_MESSAGE"] * 6 + ["UNKNOWN_TASK"]
    assert consumer.poll() is None


async def test_an_item_that_cannot_be_put_aside_ends_no_consumer(
    own_valkey: EmbeddedValkey,
    store: RedisJobStore,
    origin: Origin,
    start_consumer: StartConsumer,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is lost then, which the log tells without showing it."""
    with Redis(port=own_valkey.port) as client:
        client.set(INVALID_QUEUE, "no list")
        client.lpush(QUEUE, b"a secret that is no JSON")
        new = new_job(origin.serve("/a.pdf", SAMPLE))
        await store.submit(new)
        consumer = start_consumer()
        await until(store, new.id, JobState.SUCCEEDED)
        assert client.get(INVALID_QUEUE) == b"no list"
    assert consumer.poll() is None
    log = capfd.readouterr().err
    assert "An item of the queue (24 bytes) is no job's message and is lost" in log
    assert "ResponseError" in log
    assert "secret" not in log


def test_the_dead_letters_are_bounded(own_valkey: EmbeddedValkey) -> None:
    """The oldest letters are pushed out, however many there are."""
    with Redis(port=own_valkey.port) as client:
        client.rpush(INVALID_QUEUE, *["{}"] * DEAD_LETTERS_MAX)
        bury(client, b"garbage", NotAJobMessage(MessageFault.MALFORMED_MESSAGE, "it is garbage"))
        assert client.llen(INVALID_QUEUE) == DEAD_LETTERS_MAX
        assert dead_letters(client)[0].raw == "garbage"
