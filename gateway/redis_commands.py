"""Redis commands for many callers over one connection: what is asked while an answer is awaited goes as the next
batch.

A pool would open a connection for each caller at once, and pay a round trip for each command.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.errors import store_unavailable

Command = Sequence[str | bytes | int | float]

BATCH_MAX = 200
"""Commands sent at once; more would make the first of them wait for the last."""


def connect(url: str, seconds_max: float) -> Redis:
    """A client whose every wait is bounded, and which tries a broken connection once again."""
    return Redis.from_url(
        url,
        socket_timeout=seconds_max,
        socket_connect_timeout=seconds_max / 2,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        retry_on_error=[RedisConnectionError],
    )


class RedisCommands:
    """Runs commands in batches, in order, each with its own answer or error."""

    def __init__(self, client: Redis, seconds_max: float) -> None:
        self._client = client
        self._seconds_max = seconds_max
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, *command: str | bytes | int | float) -> Any:
        """Run one command.

        Raises:
            Refusal: STORE_UNAVAILABLE, where Redis is away, slow, loading or full.
            ResponseError: Redis does not understand the command.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, answer))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        try:
            async with asyncio.timeout(self._seconds_max):
                return await answer
        except TimeoutError:
            raise store_unavailable() from None

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            batch = [(command, answer) for command, answer in batch if not answer.done()]
            try:
                async with asyncio.timeout(self._seconds_max):
                    results = await self._execute([command for command, _ in batch])
            except (RedisError, OSError, TimeoutError):
                results = [store_unavailable() for _ in batch]
            for (_, answer), result in zip(batch, results, strict=True):
                if answer.done():
                    continue
                if isinstance(result, Exception):
                    answer.set_exception(_translated(result))
                else:
                    answer.set_result(result)

    async def _execute(self, commands: list[Command]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def _translated(error: Exception) -> Exception:
    """What Redis said, in our words: full, loading and read-only all mean that it cannot serve now."""
    unavailable = (RedisConnectionError, RedisTimeoutError)
    if isinstance(error, unavailable) or str(error).startswith(("OOM", "LOADING", "MISCONF", "READONLY", "BUSY")):
        return store_unavailable()
    return error if not isinstance(error, RedisError) or isinstance(error, ResponseError) else store_unavailable()
