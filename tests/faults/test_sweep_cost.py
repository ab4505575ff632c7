"""What the sweeper costs, and what a finished job takes of Redis' memory, beside many of them."""

import dataclasses
import json
import time

import pytest
from redis import Redis

from gateway.redis_job_store import RedisJobStore
from tests.contract.stores import RESULT
from tests.faults.conftest import NoteFigure, count
from tests.integration.jobs import new_job
from workers.envelope import make_envelope
from workers.record.backend import run_script
from workers.record.document import result_json
from workers.record.transition import parse_lease, succeed_call, sweep_call, take_call

FINISHED_JOBS = count(2_000, 100_000)
OPEN_JOBS = 1_000
SWEEPS = 20
SWEEP_MILLISECONDS_MAX = 50
RECORD_BYTES_MAX = 4096
SUMMARY = "A paragraph of a summary has about as many words as this sentence, and there are three of them. " * 10


async def finish_jobs(client: "Redis[bytes]", store: RedisJobStore) -> None:
    """Let jobs succeed with a summary of the usual length."""
    result = json.dumps(result_json(dataclasses.replace(RESULT, summary=SUMMARY)))
    for _ in range(FINISHED_JOBS):
        new = new_job("https://example.com/a/document.pdf")
        await store.submit(new)
        lease = parse_lease(new.id, run_script(client, take_call(new.id, worker="test", lease_seconds=60)))
        assert lease is not None
        run_script(client, succeed_call(new.id, lease.fence, result=result))
        client.rpop("pdf_processing_queue")


@pytest.mark.timeout(900)
async def test_a_sweep_costs_the_same_however_many_jobs_have_ended(
    valkey: "Redis[bytes]", shared_store: RedisJobStore, figure: NoteFigure
) -> None:
    """It reads indexes and never all jobs."""
    empty_bytes = valkey.info("memory")["used_memory"]
    await finish_jobs(valkey, shared_store)
    record_bytes = (valkey.info("memory")["used_memory"] - empty_bytes) / FINISHED_JOBS
    for _ in range(OPEN_JOBS):
        await shared_store.submit(new_job("https://example.com/"))
    call = sweep_call(make_envelope(), with_leases=True)
    seconds = []
    for _ in range(SWEEPS):
        start = time.monotonic()
        run_script(valkey, call)
        seconds.append(time.monotonic() - start)
    # The least, because the machine has others to serve; Redis' own part is always in it.
    figure(f"A sweep beside {FINISHED_JOBS} finished jobs", min(seconds) * 1000, SWEEP_MILLISECONDS_MAX, "ms")
    figure("Redis' memory for a finished job", record_bytes, RECORD_BYTES_MAX, "bytes")
