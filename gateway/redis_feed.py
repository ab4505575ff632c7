"""News of jobs' changes from Redis' pub/sub: one connection for all watches of this process, on watched jobs only."""

import asyncio
import contextlib
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from gateway.errors import store_unavailable
from workers.jobs.job import Job
from workers.record.document import RecordCorrupt, parse_record
from workers.record.transition import record_key

RECONNECT_SECONDS = 0.5
QUIET_SECONDS_MAX = 5
"""A connection that was quiet for so long is asked for life, and given up after so long again."""


class RedisFeed:
    """`JobFeed` over Redis. What is published is the record itself, so that no read follows."""

    def __init__(self, connect: Callable[[], Redis], seconds_max: float) -> None:
        self._connect = connect
        self._seconds_max = seconds_max
        self._pubsub: PubSub | None = None
        self._wanted: dict[str, asyncio.Future[None]] = {}
        """Channels, each with the confirmation of its subscription."""
        self._changed = asyncio.Event()
        self._pinged = False
        """Life was asked for, and nothing has come since."""

    async def subscribe(self, job_id: str) -> None:
        """See `JobFeed.subscribe`."""
        channel = record_key(job_id)
        if channel not in self._wanted:
            self._wanted[channel] = asyncio.get_running_loop().create_future()
            self._changed.set()
            if self._pubsub is not None:
                await self._tell(self._pubsub.subscribe, channel)
        try:
            async with asyncio.timeout(self._seconds_max):
                await asyncio.shield(self._wanted[channel])
        except TimeoutError:
            raise store_unavailable() from None

    async def unsubscribe(self, job_id: str) -> None:
        """See `JobFeed.unsubscribe`."""
        channel = record_key(job_id)
        if self._wanted.pop(channel, None) is not None and self._pubsub is not None:
            await self._tell(self._pubsub.unsubscribe, channel)

    async def next(self) -> Job:
        """See `JobFeed.next`."""
        while True:
            if not self._wanted:
                # An idle connection could be cut unseen, and the next subscription would go nowhere.
                await self._drop()
                self._changed.clear()
                await self._changed.wait()
            try:
                if self._pubsub is None:
                    await self._open()
                if job := await self._read():
                    return job
            except (RedisError, OSError, TimeoutError):
                await self._drop()
                await asyncio.sleep(RECONNECT_SECONDS)

    async def close(self) -> None:
        """Close the connection."""
        await self._drop()

    async def _open(self) -> None:
        client = self._connect()
        # Connections are made here and nowhere else: redis-py's own reconnecting takes no lock, and a reader and a
        # subscriber that reconnect at once break each other.
        client.connection_pool.connection_kwargs |= {
            "retry": Retry(NoBackoff(), 0, supported_errors=()),
            "retry_on_error": [],
        }
        pubsub = client.pubsub()
        channels = list(self._wanted)
        try:
            async with asyncio.timeout(self._seconds_max):
                await pubsub.subscribe(*channels)
        except BaseException:
            with contextlib.suppress(RedisError, OSError):
                await pubsub.aclose()
            raise
        self._pubsub, self._pinged = pubsub, False
        if late := [channel for channel in self._wanted if channel not in channels]:
            await self._tell(pubsub.subscribe, *late)

    def _is_connected(self) -> bool:
        connection = self._pubsub.connection if self._pubsub else None
        return connection is not None and connection.is_connected

    async def _read(self) -> Job | None:
        if self._pubsub is None or not self._is_connected():
            raise RedisConnectionError("the connection is lost")
        message = await self._pubsub.get_message(timeout=QUIET_SECONDS_MAX)
        if message is None:
            # A quiet connection is asked for life: a lost one looks the same.
            if self._pinged:
                raise TimeoutError
            self._pinged = True
            async with asyncio.timeout(self._seconds_max):
                await self._pubsub.ping()
            return None
        self._pinged = False
        if message["type"] == "subscribe":
            confirmation = self._wanted.get(message["channel"].decode())
            if confirmation is not None and not confirmation.done():
                confirmation.set_result(None)
        if message["type"] != "message":
            return None
        try:
            return parse_record(message["data"])
        except RecordCorrupt:
            return None

    async def _tell(self, command: Callable[..., object], *channels: str) -> None:
        # What cannot be told now is told by `_open`, which subscribes to all that is wanted.
        if not self._is_connected():
            return
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(self._seconds_max):
                result = command(*channels)
                if asyncio.iscoroutine(result):
                    await result

    async def _drop(self) -> None:
        pubsub, self._pubsub = self._pubsub, None
        if pubsub is not None:
            with contextlib.suppress(RedisError, OSError):
                await pubsub.aclose()
