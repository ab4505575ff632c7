"""Consumers and gateways of two versions on one Redis, as during a rollout."""

import json

from redis import Redis

from gateway.embedded_valkey import EmbeddedValkey
from gateway.redis_job_store import RedisJobStore
from tests.integration.conftest import StartConsumer
from tests.integration.jobs import SAMPLE, eventually, new_job, until
from tests.origin import Origin
from workers.jobs.state import JobState


async def test_fields_of_a_newer_version_do_no_harm(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """What another version wrote about a job, its reason of failure too, is read, kept, and in nobody's way."""
    new = new_job(origin.serve_in_halves("/newer.pdf", SAMPLE, 2))
    await store.submit(new)
    key = f"pdfgateway:job:{new.id}"
    with Redis(port=own_valkey.port) as client:
        client.hset(key, mapping={"novelty": "kept", "last_error": json.dumps(["NEW_REASON", "new", "NEW_PHASE"])})
        start_consumer()
        await until(store, new.id, JobState.RUNNING)
        assert client.hget(key, "novelty") == b"kept"
    job = await until(store, new.id, JobState.SUCCEEDED)
    assert job.last_error is not None
    assert (job.last_error.reason, job.last_error.retryable) == ("NEW_REASON", False)


async def test_a_request_that_a_consumer_does_not_understand_is_left_to_a_newer_one(
    own_valkey: EmbeddedValkey, store: RedisJobStore, origin: Origin, start_consumer: StartConsumer
) -> None:
    """An option of a newer version is not ignored: the attempt fails, and a consumer that knows it does the job."""
    new = new_job(origin.serve("/option.pdf", SAMPLE))
    await store.submit(new)
    key = f"pdfgateway:job:{new.id}"
    with Redis(port=own_valkey.port) as client:
        understood = client.hget(key, "request") or b""
        request = json.loads(understood)
        request["options"]["language"] = "nl"
        client.hset(key, "request", json.dumps(request))
        start_consumer()

        async def is_to_be_tried_again() -> bool:
            return client.hget(key, "state") == b"RETRYING"

        await eventually(is_to_be_tried_again)
        client.hset(key, "request", understood)

        async def has_been_tried_again() -> bool:
            await store.sweep(with_leases=True)
            return client.hget(key, "state") == b"SUCCEEDED"

        await eventually(has_been_tried_again)
    job = await store.find(new.id)
    assert job is not None
    assert job.last_error is not None
    assert (job.last_error.reason, job.last_error.retryable) == ("INTERNAL", True)
