"""The store of jobs in Redis: reads the records that Celery reads, and changes them by the transition script only."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError

from gateway.errors import Reason, Refusal, job_not_found
from gateway.job_store import NewJob
from gateway.redis_commands import RedisCommands
from workers.jobs.job import Job
from workers.record import transition
from workers.record.document import parse_record, request_fragment
from workers.record.transition import (
    CONSUMER_SILENCE_SECONDS_MAX,
    CONSUMERS_KEY,
    QUEUED_KEY,
    Envelope,
    record_key,
)


class RedisJobStore:
    """`JobStore` over Redis."""

    def __init__(
        self, commands: RedisCommands, envelope: Envelope, *, max_attempts: int, retention_seconds: float
    ) -> None:
        self._commands = commands
        self._envelope = envelope
        self._max_attempts = max_attempts
        self._retention_seconds = retention_seconds

    async def submit(self, new: NewJob) -> Job:
        """See `JobStore.submit`."""
        reply = await self._run(
            transition.submit_call(
                new.id,
                envelope=self._envelope,
                request=request_fragment(new.source, new.options, new.labels),
                source=transition.source_fragment(url=new.fetch_url, blob=new.blob),
                max_attempts=self._max_attempts,
                retention_seconds=self._retention_seconds,
                deadline_seconds=new.deadline_seconds,
                request_id=new.request_id,
                request_digest=new.request_digest,
            )
        )
        if reply[0] == b"REUSED":
            raise Refusal(
                Reason.REQUEST_ID_REUSED,
                f"request_id {new.request_id} was used for another request, which made job {reply[1].decode()}.",
            )
        return parse_record(reply[1])

    async def find(self, job_id: str) -> Job | None:
        """See `JobStore.find`."""
        raw, rank = await self._commands.run_together(("GET", record_key(job_id)), ("ZRANK", QUEUED_KEY, job_id))
        job = raw and parse_record(raw)
        return dataclasses.replace(job, queue_position=rank) if job and rank is not None else job

    async def find_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        """See `JobStore.find_many`."""
        if not job_ids:
            return []
        raws = await self._commands.run("MGET", *map(record_key, job_ids))
        return [raw and parse_record(raw) for raw in raws]

    async def cancel(self, job_id: str) -> Job:
        """See `JobStore.cancel`."""
        reply = await self._run(transition.cancel_call(job_id))
        if reply[0] == b"NOT_FOUND":
            raise job_not_found(job_id)
        if reply[0] == b"REFUSED":
            raise Refusal(
                Reason.JOB_ALREADY_FINISHED,
                f"Job {job_id} is {reply[1].decode()} and can no longer be cancelled.",
            )
        return parse_record(reply[1])

    async def count_consumers(self) -> int:
        """See `JobStore.count_consumers`."""
        seconds, _ = await self._commands.run("TIME")
        since_us = (int(seconds) - CONSUMER_SILENCE_SECONDS_MAX) * 1_000_000
        return int(await self._commands.run("ZCOUNT", CONSUMERS_KEY, since_us, "+inf"))

    async def sweep(self, *, with_leases: bool) -> list[int]:
        """Bring about what time brings: the numbers of jobs retried, lapsed, overdue, lost and expired."""
        reply = await self._run(transition.sweep_call(self._envelope, with_leases=with_leases))
        return [int(count) for count in reply[1:]]

    async def lead(self, key: str, name: str, seconds: float) -> bool:
        """Whether `name` leads until `seconds` from now, among all who ask with the same key."""
        milliseconds = int(seconds * 1000)
        if await self._commands.run("SET", key, name, "NX", "PX", milliseconds):
            return True
        if await self._commands.run("GET", key) != name.encode():
            return False
        return bool(await self._commands.run("PEXPIRE", key, milliseconds))

    async def _run(self, arguments: list[str | bytes]) -> Any:
        try:
            return await self._commands.run("EVALSHA", transition.SCRIPT_SHA, 0, *arguments)
        except NoScriptError:
            return await self._commands.run("EVAL", transition.SCRIPT, 0, *arguments)
