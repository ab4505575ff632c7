"""The autoscaling policy as Serve's controller has it: made from what the deployment hands over, called in a loop."""

import asyncio
import os
import signal
import time
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import PydanticDeprecatedSince20
from redis import Redis

from gateway.embedded_valkey import EmbeddedValkey
from gateway.redis_job_store import RedisJobStore
from tests.integration.jobs import new_job
from workers.record.backend import run_script
from workers.record.transition import parse_lease, take_call
from workers.settings import WorkerSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", PydanticDeprecatedSince20)  # Ray's own, while it is imported
    from ray.serve._private.autoscaling_state import _resolve_policy_callable
    from ray.serve._private.config import DeploymentConfig

    from workers import autoscaling_policy
    from workers.autoscaling_policy import autoscaling_config

SECONDS_MAX = 30
URL = "https://example.com/nobody-fetches-this.pdf"
CALL_SECONDS_MAX = 1
"""Far more than a call takes, and far less than one that waits for Redis."""

Policy = Callable[[Any], tuple[int, dict[str, Any]]]


def as_the_controller_has_it(settings: WorkerSettings) -> Policy:
    """The policy, over Serve's own way from the deployment to its controller."""
    config = autoscaling_config(settings, replicas_max=1000)
    handed_over = DeploymentConfig.from_default(autoscaling_config=config).to_proto_bytes()
    received = DeploymentConfig.from_proto_bytes(handed_over)
    assert received.autoscaling_config is not None
    policy: Policy = _resolve_policy_callable(received.autoscaling_config.policy)
    # The controller sends the deployment's configuration on to replicas after it has used the policy.
    received.to_proto_bytes()
    return policy


async def says(policy: Policy, wanted: int, *, current: int) -> None:
    """Call the policy as often as Serve does until it says so."""
    deadline = time.monotonic() + SECONDS_MAX
    while (said := policy(SimpleNamespace(target_num_replicas=current))[0]) != wanted:
        assert time.monotonic() < deadline, f"the policy still says {said}"
        await asyncio.sleep(0.1)


async def test_the_policy_counts_queued_and_running_jobs(own_valkey: EmbeddedValkey, store: RedisJobStore) -> None:
    """Seven jobs for consumers of two want four of them, though two of the jobs have left the queue."""
    policy = as_the_controller_has_it(WorkerSettings(redis_url=own_valkey.url, worker_concurrency=2))
    await says(policy, 0, current=9)
    jobs = [new_job(URL) for _ in range(5)]
    for job in jobs:
        await store.submit(job)
    await says(policy, 3, current=9)
    with Redis(port=own_valkey.port) as client:
        for job in jobs[:2]:
            call = take_call(job.id, worker="test", lease_seconds=300)
            assert parse_lease(job.id, run_script(client, call)) is not None
        assert client.zcard("pdfgateway:queued") == 3
    await store.submit(new_job(URL))
    await store.submit(new_job(URL))
    await says(policy, 4, current=9)


async def test_a_frozen_redis_blocks_nobody_and_changes_nothing(
    own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call answers at once, the loop goes on, and the number stays; when Redis is back, its word counts again."""
    monkeypatch.setattr(autoscaling_policy, "READ_INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr(autoscaling_policy, "READ_SECONDS_MAX", 0.3)
    monkeypatch.setattr(autoscaling_policy, "LOAD_AGE_SECONDS_MAX", 0.5)
    policy = as_the_controller_has_it(WorkerSettings(redis_url=own_valkey.url))
    await says(policy, 0, current=4)
    assert own_valkey.pid is not None
    os.kill(own_valkey.pid, signal.SIGSTOP)
    try:
        await says(policy, 4, current=4)
        for current in (4, 1, 7) * 5:
            began = time.monotonic()
            assert policy(SimpleNamespace(target_num_replicas=current)) == (current, {})
            assert time.monotonic() - began < CALL_SECONDS_MAX
            await asyncio.sleep(0.1)
    finally:
        os.kill(own_valkey.pid, signal.SIGCONT)
    await says(policy, 0, current=4)


def test_what_serve_shows_of_the_policy_holds_no_secret() -> None:
    """Serve logs a policy's arguments, and shows its configuration: a password in the Redis URL is in neither."""
    settings = WorkerSettings(redis_url="redis://:hunter2@localhost:6379/0")
    config = autoscaling_config(settings, replicas_max=3)
    assert "hunter2" not in repr(config)
    assert "hunter2" not in config.model_dump_json()
