"""Redis commands for many callers over one connection: what is asked while an answer is awaited goes as the next
batch.

A pool would open a connection for each caller at once, and pay a round trip for each command.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from gateway.errors import Reason, Refusal, store_unavailable

Command = Sequence[str | bytes | int | float]

BATCH_MAX = 200
"""Callers whose commands are sent at once; with more, the first of them would wait for the last."""


def connect(url: str, seconds_max: float) -> Redis:
    """A client that tries a broken connection once again, and connects within `seconds_max`.

    Its answers may take for ever: whoever waits for them sets the bound, once for many commands. A socket's time-out
    would cost a timer, and a task, for each.
    """
    return Redis.from_url(
        url,
        socket_timeout=None,
        socket_connect_timeout=seconds_max / 2,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        retry_on_error=[RedisConnectionError],
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """What one caller asks: commands, the time by which to answer, and the place for the answers."""

    commands: Sequence[Command]
    deadline: float
    answers: asyncio.Future[list[Any]]


class RedisCommands:
    """Runs commands in batches, in order."""

    def __init__(self, client: Redis, seconds_max: float) -> None:
        self._connection: AbstractConnection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py's
        self._seconds_max = seconds_max
        self._waiting: list[_Question] = []
        self._sender: asyncio.Task[None] | None = None

    async def run(self, *command: str | bytes | int | float) -> Any:
        """Run one command.

        Raises:
            Refusal: STORE_UNAVAILABLE, where Redis is away, slow or cannot write; STORE_FULL, where it is full.
            ResponseError: Redis does not understand the command.
        """
        (answer,) = await self.run_together(command)
        return answer

    async def run_together(self, *commands: Command) -> list[Any]:
        """Run commands one after another in one round trip, and return their answers.

        Raises:
            Refusal: STORE_UNAVAILABLE, where Redis is away, slow or cannot write; STORE_FULL, where it is full.
            ResponseError: Redis does not understand one of them; the others have been run.
        """
        loop = asyncio.get_running_loop()
        question = _Question(commands, loop.time() + self._seconds_max, loop.create_future())
        self._waiting.append(question)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        answers = await question.answers
        for answer in answers:
            if isinstance(answer, Exception):
                raise _translated(answer)
        return answers

    async def _send(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # whoever asks in this turn of the loop goes along
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            # The first has waited longest, so that its deadline comes first.
            deadline = batch[0].deadline
            batch = [question for question in batch if not question.answers.done()]
            commands = [command for question in batch for command in question.commands]
            try:
                async with asyncio.timeout_at(deadline):
                    answers = await self._execute(commands)
            except Exception as error:  # noqa: BLE001  (whatever it is belongs to those who wait)
                answers = [error] * len(commands)
            place = iter(answers)
            for question in batch:
                own_answers = [next(place) for _ in question.commands]
                if not question.answers.done():
                    question.answers.set_result(own_answers)

    async def _execute(self, commands: list[Command]) -> list[Any]:
        try:
            return await self._exchange(commands)
        except (RedisConnectionError, OSError):
            # Redis may have been restarted since the last batch. What has been run already finds so when run again.
            return await self._exchange(commands)

    async def _exchange(self, commands: list[Command]) -> list[Any]:
        # Not a pipeline: around each batch it does five times the work of this.
        if not self._connection.is_connected:
            await self._connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
        await self._connection.send_packed_command(self._connection.pack_commands(commands))
        return [await self._answer() for _ in commands]

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            return error

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.disconnect()


def _translated(error: Exception) -> Exception:
    """What Redis said, in our words: read-only and unable to save both mean that it cannot serve now."""
    if isinstance(error, OutOfMemoryError):
        return Refusal(Reason.STORE_FULL, "The job store is full: nothing was changed. Try again later.")
    if isinstance(error, ResponseError):
        cannot_serve = isinstance(error, ReadOnlyError) or str(error).startswith(("MISCONF", "BUSY"))
        return store_unavailable() if cannot_serve else error
    return store_unavailable() if isinstance(error, RedisError | OSError | TimeoutError) else error
