"""The store of jobs in Redis: reads the records that Celery reads, and changes them by the transition script only."""

import dataclasses
import json
from collections.abc import Collection, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from redis.exceptions import NoScriptError

from gateway.errors import Reason, Refusal, job_expired, job_not_found, store_unavailable
from gateway.job_store import JobsPage, NewJob, Place, StoreCondition
from gateway.redis_commands import RedisCommands
from gateway.redis_info import parse_info
from workers.jobs.job import Job
from workers.jobs.state import JobState
from workers.record import requests
from workers.record.dead_letter import DeadLetter, parse_dead_letter
from workers.record.document import parse_record, request_fragment, result_json
from workers.record.requests import JobLimits, ReusedResult, expired_key, jobs_key
from workers.record.script import SCRIPT, SCRIPT_SHA, Envelope
from workers.record.transition import (
    CONSUMER_SILENCE_SECONDS_MAX,
    CONSUMERS_KEY,
    FAILED_QUEUE,
    INVALID_QUEUE,
    QUEUED_KEY,
    Swept,
    parse_swept,
    record_key,
    sweep_call,
)

SAME_TIME_MAX = 10
"""Jobs accepted in one microsecond, which is less than the time that Redis takes for one of them."""


class RedisJobStore:
    """`JobStore` over Redis."""

    def __init__(self, commands: RedisCommands, envelope: Envelope, *, max_attempts: int, queued_max: int) -> None:
        self._commands = commands
        self._envelope = envelope
        self._max_attempts = max_attempts
        self._queued_max = queued_max

    async def submit(self, new: NewJob) -> Job:
        """See `JobStore.submit`."""
        reply = await self._run(
            requests.submit_call(
                new.id,
                envelope=self._envelope,
                request=request_fragment(new.source, new.options, new.labels),
                source=requests.source_fragment(url=new.fetch_url, blob=new.blob),
                limits=JobLimits(
                    max_attempts=self._max_attempts,
                    queued_max=self._queued_max,
                    retention_seconds=new.retention_seconds,
                    deadline_seconds=new.deadline_seconds,
                ),
                request_id=new.request_id,
                request_digest=new.request_digest,
                blob=new.blob,
                result_key=new.result_key,
                reused=_reused_result(new.reused),
            )
        )
        if reply[0] == b"REUSED":
            raise Refusal(
                Reason.REQUEST_ID_REUSED,
                f"request_id {new.request_id} was used for another request, which made job {reply[1].decode()}.",
            )
        if reply[0] == b"FULL":
            raise Refusal(Reason.QUEUE_FULL, f"{self._queued_max} jobs wait already. Try again later.")
        return parse_record(reply[1])

    async def find(self, job_id: str) -> Job:
        """See `JobStore.find`."""
        raw, rank = await self._commands.run_together(("GET", record_key(job_id)), ("ZRANK", QUEUED_KEY, job_id))
        if raw is None:
            is_expired = await self._commands.run("EXISTS", expired_key(job_id))
            raise job_expired(job_id) if is_expired else job_not_found(job_id)
        job = parse_record(raw)
        return job if rank is None else dataclasses.replace(job, queue_position=rank)

    async def find_result(self, result_key: str) -> Job | None:
        """See `JobStore.find_result`."""
        job_id = await self._commands.run("GET", result_key)
        raw = job_id and await self._commands.run("GET", record_key(job_id.decode()))
        job = parse_record(raw) if raw else None
        return job if job and job.result else None

    async def expect_blob(self, blob: str) -> None:
        """See `JobStore.expect_blob`."""
        reply = await self._run(requests.expect_blob_call(blob))
        if reply[0] != b"OK":
            raise store_unavailable()

    async def page(
        self, states: Collection[JobState], *, after: Place | None, from_us: int, before_us: int | None, count: int
    ) -> JobsPage:
        """See `JobStore.page`."""
        newest = "+inf" if before_us is None else f"({before_us}"
        if after is not None:
            newest = str(after.create_time_us)
        keys = [jobs_key(state) for state in states] or [requests.JOBS_KEY]
        # One more than wanted tells whether there are more.
        limit = ("LIMIT", 0, count + 1 + (SAME_TIME_MAX if after else 0))
        answers = await self._commands.run_together(
            *(("ZREVRANGEBYSCORE", key, newest, from_us, "WITHSCORES", *limit) for key in keys)
        )
        places = merge(*map(_places, answers), key=_sort_key, reverse=True)
        found = list(
            islice((place for place in places if after is None or _sort_key(place) < _sort_key(after)), count + 1)
        )
        jobs = await self.find_many([place.job_id for place in found[:count]])
        end = found[count - 1] if len(found) > count else None
        return JobsPage(jobs=[job for job in jobs if job is not None], end=end)

    async def find_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        """See `JobStore.find_many`."""
        if not job_ids:
            return []
        raws = await self._commands.run("MGET", *map(record_key, job_ids))
        return [raw and parse_record(raw) for raw in raws]

    async def cancel(self, job_id: str) -> Job:
        """See `JobStore.cancel`."""
        reply = await self._run(requests.cancel_call(job_id))
        return self._job(job_id, reply, Reason.JOB_ALREADY_FINISHED, "can no longer be cancelled")

    async def replay(self, job_id: str) -> Job:
        """See `JobStore.replay`."""
        reply = await self._run(requests.replay_call(job_id, self._envelope))
        return self._job(job_id, reply, Reason.JOB_ALREADY_SUCCEEDED, "has nothing to be replayed for")

    async def delete(self, job_id: str) -> Job:
        """See `JobStore.delete`."""
        reply = await self._run(requests.delete_call(job_id))
        return self._job(job_id, reply, Reason.JOB_NOT_FINISHED, "can be deleted when it has ended: cancel it first")

    async def dead_letters(self, queue: str, *, start: int, count: int) -> list[DeadLetter]:
        """See `JobStore.dead_letters`."""
        stored = await self._commands.run("LRANGE", queue, start, start + count - 1)
        return [parse_dead_letter(queue, letter) for letter in stored]

    async def replay_many(self, job_ids: Sequence[str]) -> int:
        """See `JobStore.replay_many`."""
        replies = await self._run_many([requests.replay_call(job_id, self._envelope) for job_id in job_ids])
        return len([reply for reply in replies if reply[0] == b"OK"])

    async def purge(self, letters: Sequence[DeadLetter]) -> int:
        """See `JobStore.purge`."""
        calls = [requests.purge_call(letter.queue, letter.text, letter.job_id) for letter in letters]
        return sum(int(reply[1]) for reply in await self._run_many(calls))

    async def condition(self) -> StoreCondition:
        """See `JobStore.condition`."""
        seconds, _ = await self._commands.run("TIME")
        since_us = (int(seconds) - CONSUMER_SILENCE_SECONDS_MAX) * 1_000_000
        info, consumers, failed, invalid, *jobs = await self._commands.run_together(
            ("INFO", "memory", "persistence"),
            ("ZCOUNT", CONSUMERS_KEY, since_us, "+inf"),
            ("LLEN", FAILED_QUEUE),
            ("LLEN", INVALID_QUEUE),
            *(("ZCARD", jobs_key(state)) for state in JobState),
        )
        facts = parse_info(info)
        return StoreCondition(
            consumers=consumers,
            jobs=dict(zip(JobState, jobs, strict=True)),
            dead_letters={FAILED_QUEUE: failed, INVALID_QUEUE: invalid},
            used_memory_bytes=int(facts.get("used_memory", 0)),
            memory_bytes_max=int(facts.get("maxmemory", 0)),
            can_write=facts.get("aof_last_write_status", "ok") == "ok",
        )

    async def sweep(self, *, with_leases: bool) -> Swept:
        """Bring about what time brings."""
        return parse_swept(await self._run(sweep_call(self._envelope, with_leases=with_leases)))

    async def blobs_removed(self, blobs: Sequence[str]) -> None:
        """Take note that uploads which a sweep named have been removed."""
        await self._commands.run("ZREM", requests.BLOBS_REMOVING_KEY, *blobs)

    async def lead(self, key: str, name: str, seconds: float) -> bool:
        """Whether `name` leads until `seconds` from now, among all who ask with the same key."""
        milliseconds = int(seconds * 1000)
        if await self._commands.run("SET", key, name, "NX", "PX", milliseconds):
            return True
        if await self._commands.run("GET", key) != name.encode():
            return False
        return bool(await self._commands.run("PEXPIRE", key, milliseconds))

    @staticmethod
    def _job(job_id: str, reply: Sequence[bytes], refused: Reason, what: str) -> Job:
        """The job of a reply; or the refusal, whose reason is `refused` where the job's state is in the way."""
        match reply[0]:
            case b"NOT_FOUND":
                raise job_not_found(job_id)
            case b"EXPIRED":
                raise job_expired(job_id)
            case b"REFUSED":
                raise Refusal(refused, f"Job {job_id} is {reply[1].decode()} and {what}.")
        return parse_record(reply[1])

    async def _run(self, arguments: list[str | bytes]) -> Any:
        (reply,) = await self._run_many([arguments])
        return reply

    async def _run_many(self, calls: Sequence[list[str | bytes]]) -> list[Any]:
        try:
            return await self._commands.run_together(*(("EVALSHA", SCRIPT_SHA, 0, *call) for call in calls))
        except NoScriptError:
            # None has been run: Redis knows the script for all of them or for none.
            return await self._commands.run_together(*(("EVAL", SCRIPT, 0, *call) for call in calls))


def _reused_result(job: Job | None) -> ReusedResult | None:
    if job is None or job.result is None:
        return None
    return ReusedResult(job_id=job.id, result=json.dumps(result_json(job.result)))


def _places(answer: Sequence[Any]) -> list[Place]:
    # RESP3 gives pairs, RESP2 members and scores in turn.
    pairs = answer if answer and isinstance(answer[0], list) else zip(answer[::2], answer[1::2], strict=True)
    return [Place(create_time_us=int(float(score)), job_id=member.decode()) for member, score in pairs]


def _sort_key(place: Place) -> tuple[int, str]:
    return place.create_time_us, place.job_id
