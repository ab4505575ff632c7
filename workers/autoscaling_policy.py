"""Serve's autoscaling of the consumers by our own policy: it reads the load from Redis, and blocks nobody.

Serve calls a policy ten times a second, in the very loop in which its controller does all else. So a call starts a
reading, if one is due, and answers by the last one that has come.
"""

import asyncio
import logging
import math
import time
from typing import Any

from ray import cloudpickle
from ray.serve.config import AutoscalingConfig, AutoscalingContext, AutoscalingPolicy
from redis.asyncio import Redis
from redis.exceptions import RedisError

from workers.autoscaling import Load, wanted_replicas
from workers.record.transition import QUEUED_KEY
from workers.settings import WorkerSettings

logger = logging.getLogger(__name__)

LEASES_KEY = "pdfgateway:leases"
"""Sorted set of the jobs that workers hold, as the transition script keeps it."""
READ_INTERVAL_SECONDS = 1
"""How often the load is read."""
READ_SECONDS_MAX = 1
"""How long a reading may take."""
LOAD_AGE_SECONDS_MAX = 5
"""An older reading says nothing."""
DOWNSCALE_DELAY_SECONDS = 30
"""How long the load must have been lower before a replica is stopped. To start one again takes seconds."""


class LoadPolicy:
    """Wants as many replicas as the queued and the running jobs need."""

    settings: WorkerSettings
    """Set by a subclass made with `policy_for`: Serve makes the policy, and writes what it makes it from into its log,
    where a Redis URL with its password must not be."""

    def __init__(self) -> None:
        self._reading: asyncio.Task[None] | None = None
        self._reading_due = -math.inf
        self._load: Load | None = None
        self._load_read_at = -math.inf

    def __call__(self, context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
        """The number of replicas that is wanted, and no state for Serve to keep."""
        now = time.monotonic()
        if now >= self._reading_due and (self._reading is None or self._reading.done()):
            self._reading_due = now + READ_INTERVAL_SECONDS
            self._reading = asyncio.get_running_loop().create_task(self._read())
        load = self._load if now - self._load_read_at <= LOAD_AGE_SECONDS_MAX else None
        concurrency = self.settings.worker_concurrency
        return wanted_replicas(load, current=context.target_num_replicas, concurrency=concurrency), {}

    async def _read(self) -> None:
        # A connection for each reading: none is left behind when Serve drops a policy, which it does without a word.
        redis = Redis.from_url(self.settings.redis_url, retry=None)
        try:
            async with asyncio.timeout(READ_SECONDS_MAX), redis, redis.pipeline(transaction=False) as pipeline:
                pipeline.zcard(QUEUED_KEY)
                pipeline.zcard(LEASES_KEY)
                queued, running = await pipeline.execute()
        except (RedisError, OSError) as error:
            logger.warning("The load was not read; the consumers stay as many as they are: %s", type(error).__name__)
        else:
            self._load = Load(queued, running)
            self._load_read_at = time.monotonic()


def policy_for(settings: WorkerSettings) -> AutoscalingPolicy:
    """The policy with these settings, as Serve wants it: a class in a pickle, and its name."""
    policy = type("LoadPolicy", (LoadPolicy,), {"settings": settings})
    name = f"{LoadPolicy.__module__}:{LoadPolicy.__name__}"
    pickle = cloudpickle.dumps(policy)  # type: ignore[no-untyped-call]  # Ray's copy of it has no types
    return AutoscalingPolicy.from_serialized_policy_def({"policy_function": name}, pickle)


def autoscaling_config(settings: WorkerSettings, *, replicas_max: int) -> AutoscalingConfig:
    """From `worker_replicas` to `replicas_max` replicas: more at once, fewer after a while."""
    return AutoscalingConfig(
        min_replicas=settings.worker_replicas,
        max_replicas=replicas_max,
        upscale_delay_s=0,
        downscale_delay_s=DOWNSCALE_DELAY_SECONDS,
        policy=policy_for(settings),
    )
