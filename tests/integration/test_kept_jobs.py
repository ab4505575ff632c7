"""What time does to jobs on a real Valkey: expiry, tombstones, uploads, attempts."""

import dataclasses
import json
import time

import pytest
from redis import Redis

from gateway.errors import Reason, Refusal
from gateway.job_store import NewJob
from gateway.redis_job_store import RedisJobStore
from tests.contract.stores import RESULT
from tests.integration.jobs import new_job
from workers.envelope import make_envelope
from workers.jobs.failure import FailureReason, JobFailure
from workers.jobs.job import UploadSource
from workers.jobs.state import JobState
from workers.record.backend import run_script
from workers.record.document import result_json
from workers.record.transition import (
    Lease,
    Swept,
    fail_call,
    parse_lease,
    parse_swept,
    succeed_call,
    sweep_call,
    take_call,
)


def take(client: "Redis[bytes]", job_id: str) -> Lease:
    """Take a job as a worker does."""
    lease = parse_lease(job_id, run_script(client, take_call(job_id, worker="test", lease_seconds=60)))
    assert lease is not None
    return lease


def sweep(client: "Redis[bytes]", *, blob_unused_seconds: float = 600) -> Swept:
    """Sweep once."""
    call = sweep_call(make_envelope(), with_leases=True, blob_unused_seconds=blob_unused_seconds)
    return parse_swept(run_script(client, call))


def upload(blob: str, **changes: object) -> NewJob:
    """A job on an upload."""
    source = UploadSource(filename="", size_bytes=1, sha256="f" * 64)
    new = dataclasses.replace(new_job(""), source=source, fetch_url=None, blob=blob)
    return dataclasses.replace(new, **changes)  # type: ignore[arg-type]  # names of its fields


def until_expired(client: "Redis[bytes]", job_id: str) -> None:
    """Let a job's time be over."""
    client.zadd("pdfgateway:expiry", {job_id: 1})


async def refused(store: RedisJobStore, job_id: str) -> Reason:
    """Why a job cannot be read."""
    with pytest.raises(Refusal) as refusal:
        await store.find(job_id)
    return refusal.value.reason


async def test_an_expired_job_is_removed_whole_and_remembered(
    valkey: "Redis[bytes]", shared_store: RedisJobStore
) -> None:
    """Nothing of it is left but a small key, which tells that it has expired and not that it never was."""
    new = dataclasses.replace(new_job("https://example.com/"), request_id="key", request_digest="one")
    await shared_store.submit(new)
    lease = take(valkey, new.id)
    run_script(valkey, fail_call(new.id, lease.fence, JobFailure(FailureReason.CORRUPT, "no")))
    assert valkey.llen("invalid_pdfs") == 1
    until_expired(valkey, new.id)
    assert sweep(valkey).expired == 1
    assert await refused(shared_store, new.id) is Reason.EXPIRED
    for ask in (shared_store.cancel, shared_store.replay, shared_store.delete):
        with pytest.raises(Refusal) as refusal:
            await ask(new.id)
        assert refusal.value.reason is Reason.EXPIRED
    tombstone = f"pdfgateway:expired:{new.id}"
    left = {key.decode() for key in valkey.scan_iter()} - {tombstone, "pdf_processing_queue", "pdfgateway:frontier"}
    assert not left
    assert 0 < valkey.pttl(tombstone) <= 7 * 86_400_000


async def test_a_job_that_has_not_ended_in_its_retention_ends_and_is_then_kept(
    valkey: "Redis[bytes]", shared_store: RedisJobStore
) -> None:
    """No accepted job vanishes without a terminal state."""
    new = new_job("https://example.com/")
    await shared_store.submit(new)
    until_expired(valkey, new.id)
    sweep(valkey)
    job = await shared_store.find(new.id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.reason == "DEADLINE_EXCEEDED"
    assert job.expire_time_us == (job.end_time_us or 0) + 3600 * 1_000_000


async def test_a_job_is_kept_for_its_own_retention_from_its_end_on(
    valkey: "Redis[bytes]", shared_store: RedisJobStore
) -> None:
    """However long it waited; a replay begins the time anew."""
    new = dataclasses.replace(new_job("https://example.com/"), retention_seconds=100)
    await shared_store.submit(new)
    await shared_store.cancel(new.id)
    ended = await shared_store.find(new.id)
    assert ended.expire_time_us == (ended.end_time_us or 0) + 100_000_000
    replayed = await shared_store.replay(new.id)
    assert replayed.expire_time_us == replayed.update_time_us + 100_000_000
    assert sweep(valkey).expired == 0


async def test_the_url_of_a_job_that_succeeded_is_forgotten(
    valkey: "Redis[bytes]", shared_store: RedisJobStore
) -> None:
    """It may hold a signature, and only a job that may run again needs it."""
    succeeded, failed = (new_job("https://example.com/?sig=secret") for _ in range(2))
    for new in (succeeded, failed):
        await shared_store.submit(new)
    lease = take(valkey, succeeded.id)
    run_script(valkey, succeed_call(succeeded.id, lease.fence, result=json.dumps(result_json(RESULT))))
    lease = take(valkey, failed.id)
    run_script(valkey, fail_call(failed.id, lease.fence, JobFailure(FailureReason.SOURCE_DENIED, "no")))
    kept = [b"".join(valkey.hgetall(f"pdfgateway:job:{new.id}").values()) for new in (succeeded, failed)]
    assert [b"sig=secret" in values for values in kept] == [False, True]


async def test_an_upload_is_removed_when_its_last_job_is(valkey: "Redis[bytes]", shared_store: RedisJobStore) -> None:
    """Jobs with the same bytes share them; they go a while after the last of them."""
    first, second = upload("uploads/a"), upload("uploads/a")
    await shared_store.expect_blob("uploads/a")
    for new in (first, second):
        await shared_store.submit(new)
        await shared_store.cancel(new.id)
    await shared_store.delete(first.id)
    assert sweep(valkey, blob_unused_seconds=0).blobs == ()
    await shared_store.delete(second.id)
    assert sweep(valkey, blob_unused_seconds=60).blobs == ()
    assert sweep(valkey, blob_unused_seconds=0).blobs == ("uploads/a",)
    await shared_store.blobs_removed(["uploads/a"])
    assert not valkey.keys("pdfgateway:blob*")


async def test_an_upload_that_no_job_was_made_for_is_removed(
    valkey: "Redis[bytes]", shared_store: RedisJobStore
) -> None:
    """The gateway may die between keeping the bytes and submitting the job."""
    await shared_store.expect_blob("uploads/orphan")
    assert sweep(valkey, blob_unused_seconds=0).blobs == ("uploads/orphan",)


async def test_an_upload_is_never_removed_under_a_new_job(valkey: "Redis[bytes]", shared_store: RedisJobStore) -> None:
    """While it is removed the same bytes are refused for a moment; a removal that was not ended is begun again."""
    await shared_store.expect_blob("uploads/a")
    sweep(valkey, blob_unused_seconds=0)
    with pytest.raises(Refusal) as refusal:
        await shared_store.expect_blob("uploads/a")
    assert refusal.value.reason is Reason.STORE_UNAVAILABLE
    assert sweep(valkey, blob_unused_seconds=0).blobs == ()
    valkey.zadd("pdfgateway:blobs_removing", {"uploads/a": (time.time() - 61) * 1_000_000})
    assert sweep(valkey, blob_unused_seconds=0).blobs == ("uploads/a",)
    await shared_store.blobs_removed(["uploads/a"])
    await shared_store.expect_blob("uploads/a")


async def test_a_worker_that_died_leaves_its_attempt_in_the_history(
    valkey: "Redis[bytes]", shared_store: RedisJobStore
) -> None:
    """LEASE_LOST, with the worker's name; an attempt that is handed back says so and keeps its number."""
    new = new_job("https://example.com/")
    await shared_store.submit(new)
    take(valkey, new.id)
    valkey.zadd("pdfgateway:leases", {new.id: 1})
    assert sweep(valkey).lapsed == 1
    (lost,) = (await shared_store.find(new.id)).attempts
    assert (lost.state.value, lost.worker) == ("FAILED", "test")
    assert lost.error is not None
    assert lost.error.reason == "LEASE_LOST"


async def test_the_history_keeps_the_latest_twenty_attempts(
    valkey: "Redis[bytes]", shared_store: RedisJobStore
) -> None:
    """A job that is replayed for ever does not grow for ever."""
    new = new_job("https://example.com/")
    await shared_store.submit(new)
    for _ in range(25):
        lease = take(valkey, new.id)
        run_script(valkey, fail_call(new.id, lease.fence, JobFailure(FailureReason.CORRUPT, 'a "comma",\nand a line')))
        await shared_store.replay(new.id)
    runs = [attempt.run for attempt in (await shared_store.find(new.id)).attempts]
    assert runs == list(range(6, 26))
