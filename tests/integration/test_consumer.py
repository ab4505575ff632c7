"""A real consumer on a real Valkey: a job's way, and what becomes of it when something dies."""

import asyncio
import dataclasses
import json
import signal
import time

import pytest
from redis import Redis

from gateway.embedded_valkey import EmbeddedValkey
from gateway.redis_job_store import RedisJobStore
from tests.integration.conftest import LEASE_SECONDS, StartConsumer
from tests.integration.jobs import SAMPLE, SECONDS_MAX, eventually, new_job, until
from tests.origin import Origin
from workers.celery_settings import QUEUE, TASK_NAME, celery_app
from workers.envelope import make_envelope
from workers.jobs.failure import JobFailure
from workers.jobs.state import JobState
from workers.record.backend import run_script
from workers.record.transition import Lease, hand_back_call, parse_lease, take_call


async def test_celery_reads_the_same_record(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """A stock AsyncResult has the job's state and result, and can wait for it: there is one record."""
    app = celery_app(own_valkey.url)
    new = new_job(origin.serve("/a.pdf", SAMPLE))
    await store.submit(new)
    result = app.AsyncResult(new.id)
    assert result.state == "QUEUED"
    start_consumer()
    value = await asyncio.to_thread(result.get, timeout=SECONDS_MAX)
    job = await store.find(new.id)
    assert job is not None
    assert (result.state, job.state) == ("SUCCESS", JobState.SUCCEEDED)
    assert job.result is not None
    assert value["page_count"] == job.result.page_count == 40
    assert value["summary"] == job.result.summary


async def test_celery_sees_each_state(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """What is published on Celery's own channel goes from QUEUED over STARTED and PROGRESS to SUCCESS."""
    new = new_job(origin.serve("/a.pdf", SAMPLE))
    with Redis(port=own_valkey.port) as client, client.pubsub() as pubsub:
        pubsub.subscribe(f"celery-task-meta-{new.id}")
        await store.submit(new)
        start_consumer()
        await until(store, new.id, JobState.SUCCEEDED)
        metas = []
        while message := await asyncio.to_thread(pubsub.get_message, timeout=0.5):
            if message["type"] == "message":
                metas.append(json.loads(message["data"]))
    states = list(dict.fromkeys(meta["status"] for meta in metas))
    assert states == ["QUEUED", "STARTED", "PROGRESS", "SUCCESS"]
    seqs = [meta["job"]["seq"] for meta in metas]
    assert seqs == list(range(1, len(seqs) + 1))


async def test_a_failure_is_an_exception_to_celery(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """AsyncResult raises the job's failure, and the dead letter says the same in JSON."""
    new = new_job(origin.serve_status("/gone.pdf", 404))
    await store.submit(new)
    start_consumer()
    job = await until(store, new.id, JobState.FAILED)
    result = celery_app(own_valkey.url).AsyncResult(new.id)
    with pytest.raises(JobFailure, match="SOURCE_NOT_FOUND"):
        result.get(timeout=5)
    assert result.traceback is None
    with Redis(port=own_valkey.port) as client:
        letters = [json.loads(raw) for raw in client.lrange("invalid_pdfs", 0, -1)]
        assert client.llen("failed_pdfs") == 0
    assert [(letter["job_id"], letter["error"][0], letter["attempt"]) for letter in letters] == [
        (new.id, "SOURCE_NOT_FOUND", 1)
    ]
    assert job.attempt == 1


async def test_a_job_cancelled_in_the_queue_never_starts(
    store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """The cancel holds although no consumer was alive to hear of it."""
    first = new_job(origin.serve("/never.pdf", SAMPLE))
    second = new_job(origin.serve("/after.pdf", SAMPLE))
    await store.submit(first)
    await store.submit(second)
    await store.cancel(first.id)
    start_consumer()
    await until(store, second.id, JobState.SUCCEEDED)
    job = await store.find(first.id)
    assert job is not None
    assert (job.state, job.attempt) == (JobState.CANCELLED, 0)
    assert not [request for request in origin.requests if request.target == "/never.pdf"]


async def test_a_message_that_comes_twice_runs_once(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """Who holds the lease works; who comes second goes away."""
    new = new_job(origin.drip("/twice.pdf", SAMPLE, 1 / len(SAMPLE)))
    await store.submit(new)
    with Redis(port=own_valkey.port) as client:
        message = client.lindex(QUEUE, 0)
        client.lpush(QUEUE, message, message)
    start_consumer()
    job = await until(store, new.id, JobState.SUCCEEDED)
    assert job.attempt == 1
    assert len([request for request in origin.requests if request.target == "/twice.pdf"]) == 1


async def test_a_lost_message_is_put_back(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """kombu can lose a message between the queue and its own books; the record is not lost with it."""
    new = new_job(origin.serve("/lost.pdf", SAMPLE))
    await store.submit(new)
    with Redis(port=own_valkey.port) as client:
        assert client.rpop(QUEUE)
        # As if it had been lost a while ago: nobody waits here.
        client.zadd("pdfgateway:queued", {new.id: (time.time() - 60) * 1_000_000})
    start_consumer()
    assert (await until(store, new.id, JobState.SUCCEEDED)).attempt == 1


async def test_a_message_lost_behind_others_is_put_back(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """The queue is first in, first out: a job that is passed by later ones has lost its message."""
    lost, later = new_job(origin.serve("/l.pdf", SAMPLE)), new_job(origin.serve("/m.pdf", SAMPLE))
    await store.submit(lost)
    with Redis(port=own_valkey.port) as client:
        assert client.rpop(QUEUE)
        client.zadd("pdfgateway:queued", {lost.id: (time.time() - 60) * 1_000_000})
        await store.submit(later)
        start_consumer()
        await until(store, later.id, JobState.SUCCEEDED)
        # Something always waits, so the queue is never found empty.
        client.lpush(QUEUE, client.lindex(QUEUE, 0) or b"")
    assert (await until(store, lost.id, JobState.SUCCEEDED)).attempt == 1


async def test_a_killed_consumers_job_runs_elsewhere(
    store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """The lease lapses, at the cost of one attempt, and another consumer takes the job."""
    silent = origin.silent("/kill.pdf")
    new = new_job(silent)
    await store.submit(new)
    first = start_consumer()
    await until(store, new.id, JobState.RUNNING)
    origin.serve("/kill.pdf", SAMPLE)
    first.kill()
    start = time.monotonic()
    start_consumer()
    job = await until(store, new.id, JobState.SUCCEEDED)
    assert job.attempt == 2
    assert job.last_error is not None
    assert job.last_error.reason == "LEASE_LOST"
    assert time.monotonic() - start < LEASE_SECONDS + 12


async def test_a_job_whose_consumers_die_each_time_ends(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """A job that kills its consumer does so max_attempts times, not for ever."""
    new = new_job(origin.silent("/deadly.pdf"))
    await store.submit(new)
    with Redis(port=own_valkey.port) as client:
        client.hset(f"pdfgateway:job:{new.id}", "max_attempts", 1)
    consumer = start_consumer()
    await until(store, new.id, JobState.RUNNING)
    consumer.kill()
    job = await until(store, new.id, JobState.FAILED)
    assert job.error is not None
    assert job.error.reason == "LEASE_LOST"
    assert (job.attempt, job.max_attempts) == (1, 1)


async def test_a_consumer_that_wakes_up_too_late_changes_nothing(
    store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """A frozen consumer loses its lease; when it goes on, its result is refused by the fence."""
    new = new_job(origin.drip("/frozen.pdf", SAMPLE, 1 / len(SAMPLE)))
    await store.submit(new)
    frozen = start_consumer()
    await until(store, new.id, JobState.RUNNING)
    frozen.send_signal(signal.SIGSTOP)
    origin.serve("/frozen.pdf", SAMPLE)
    start_consumer()
    done = await until(store, new.id, JobState.SUCCEEDED)
    frozen.send_signal(signal.SIGCONT)
    other = new_job(origin.serve("/other.pdf", SAMPLE))
    await store.submit(other)
    await until(store, other.id, JobState.SUCCEEDED)
    assert await store.find(new.id) == done
    assert done.attempt == 2


async def test_a_consumer_that_stops_hands_its_job_back(
    store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """SIGTERM costs a job no attempt, and no wait for its lease to lapse."""
    new = new_job(origin.silent("/back.pdf"))
    await store.submit(new)
    consumer = start_consumer()
    await until(store, new.id, JobState.RUNNING)
    consumer.terminate()
    job = await until(store, new.id, JobState.QUEUED)
    assert job.attempt == 0
    assert job.last_error is None
    assert await asyncio.to_thread(consumer.wait, 20) == 0


async def test_a_restart_of_redis_does_not_kill_a_consumer_at_work(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """The job in hand ends once, and the next one is taken."""
    new = new_job(origin.drip("/restart.pdf", SAMPLE, 4 / len(SAMPLE)))
    await store.submit(new)
    consumer = start_consumer()
    await until(store, new.id, JobState.RUNNING)
    await asyncio.to_thread(own_valkey.stop)
    await asyncio.to_thread(own_valkey.start)
    job = await until(store, new.id, JobState.SUCCEEDED)
    assert job.attempt <= 2
    other = new_job(origin.serve("/next.pdf", SAMPLE))
    await store.submit(other)
    await until(store, other.id, JobState.SUCCEEDED)
    assert consumer.poll() is None


async def test_our_message_is_the_one_that_celery_would_send(own_valkey: EmbeddedValkey, store: RedisJobStore) -> None:
    """The envelope that the script puts on the queue equals a stock send_task's, but for what names the sender."""
    new = new_job("https://example.com/")
    await store.submit(new)
    celery_app(own_valkey.url).send_task(TASK_NAME, task_id=new.id, queue=QUEUE)
    with Redis(port=own_valkey.port) as client:
        theirs, ours = (json.loads(raw) for raw in client.lrange(QUEUE, 0, 1))
    assert ours["properties"].pop("delivery_tag") != theirs["properties"].pop("delivery_tag")
    for message in (ours, theirs):
        message["properties"].pop("reply_to")
        message["headers"].pop("origin")
        # The queue's own exchange or the default one: both lead to the same list.
        message["properties"]["delivery_info"].pop("exchange")
    assert ours == theirs


async def test_one_sweeper_leads_for_as_long_as_it_lives(store: RedisJobStore) -> None:
    """The leader leads on; another takes over only when it has fallen silent."""
    assert [await store.lead("leader", "one", 0.3) for _ in range(3)] == [True, True, True]
    assert not await store.lead("leader", "other", 0.3)

    async def other_leads() -> bool:
        return await store.lead("leader", "other", 0.3)

    await eventually(other_leads)
    assert not await store.lead("leader", "one", 0.3)


async def test_a_job_that_is_handed_back_makes_no_other_seem_lost(
    own_valkey: EmbeddedValkey, store: RedisJobStore
) -> None:
    """It goes to the front of the queue, and those behind it have not been passed by."""
    jobs = [new_job("https://example.com/") for _ in range(5)]
    for new in jobs:
        await store.submit(new)
    with Redis(port=own_valkey.port) as client:

        def take(job_id: str) -> Lease:
            call = take_call(job_id, worker="test", lease_seconds=LEASE_SECONDS)
            lease = parse_lease(job_id, run_script(client, call))
            assert lease is not None
            return lease

        client.zadd("pdfgateway:queued", {new.id: (time.time() - 60) * 1_000_000 + n for n, new in enumerate(jobs)})
        run_script(client, hand_back_call(take(jobs[0].id), make_envelope()))
        front = await store.find(jobs[0].id)
        assert front is not None
        assert front.queue_position == 0
        take(jobs[0].id)
        assert (await store.sweep(with_leases=True)).lost == 0


async def test_a_passed_deadline_is_an_invalid_dead_letter(own_valkey: EmbeddedValkey, store: RedisJobStore) -> None:
    """No further attempt could save it."""
    new = dataclasses.replace(new_job("https://example.com/"), deadline_seconds=0.01)
    await store.submit(new)
    job = await until(store, new.id, JobState.FAILED)
    assert job.error is not None
    assert job.error.reason == "DEADLINE_EXCEEDED"
    with Redis(port=own_valkey.port) as client:
        assert (client.llen("invalid_pdfs"), client.llen("failed_pdfs")) == (1, 0)


async def test_a_take_whose_answer_was_lost_gives_the_same_lease(
    own_valkey: EmbeddedValkey, store: RedisJobStore
) -> None:
    """The call is repeated when its answer does not come; the job is not lost to nobody."""
    new = new_job("https://example.com/")
    await store.submit(new)
    call = take_call(new.id, worker="test", lease_seconds=LEASE_SECONDS)
    with Redis(port=own_valkey.port) as client:
        first, again = (parse_lease(new.id, run_script(client, call)) for _ in range(2))
        other = run_script(client, take_call(new.id, worker="other", lease_seconds=LEASE_SECONDS))
    assert first is not None
    assert first == again
    assert other == [b"REFUSED", b"RUNNING"]
