"""The stores under test: the shipped fake and the real one, each with a worker to be played."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from redis import Redis

from gateway.job_store import JobFeed, JobStore
from gateway.redis_commands import RedisCommands, connect
from gateway.redis_feed import RedisFeed
from gateway.redis_job_store import RedisJobStore
from gateway.testing import InMemoryJobStore
from workers.envelope import make_envelope
from workers.jobs.failure import JobFailure, Phase
from workers.jobs.job import PDFResult, Progress
from workers.record import transition
from workers.record.backend import run_script
from workers.record.document import result_json
from workers.record.transition import Lease

STORE_SECONDS_MAX = 1.5
QUEUED_MAX = 200
LEASE_SECONDS = 5

RESULT = PDFResult(
    page_count=3,
    word_count=20,
    char_count=100,
    summary="First paragraph.\n\nSecond — with “quotes”, \u65e5\u672c and \U0001f600.",
    processing_seconds=0.25,
    sha256="0" * 64,
    size_bytes=1234,
    engine="pypdf 7",
    metadata={"title": "A title"},
    warnings=(),
)


class Worker(Protocol):
    """A worker played by a test."""

    def start(self, job_id: str) -> None: ...
    def progress(self, job_id: str, pages_done: int, page_count: int) -> None: ...
    def succeed(self, job_id: str, result: PDFResult) -> None: ...
    def fail(self, job_id: str, failure: JobFailure) -> None: ...


@dataclasses.dataclass
class Stores:
    """A store, its news, and a worker on it."""

    store: JobStore
    feed: JobFeed
    worker: Worker


class RedisWorker:
    """Plays a worker on the real store, by the calls that a real one makes."""

    def __init__(self, client: "Redis[bytes]") -> None:
        self.client = client
        self.leases: dict[str, Lease] = {}

    def start(self, job_id: str) -> None:
        call = transition.take_call(job_id, worker="test", lease_seconds=LEASE_SECONDS)
        lease = transition.parse_lease(job_id, run_script(self.client, call))
        assert lease is not None, "the job was not there to be taken"
        self.leases[job_id] = lease

    def progress(self, job_id: str, pages_done: int, page_count: int) -> None:
        progress = Progress(phase=Phase.EXTRACT, pages_done=pages_done, page_count=page_count)
        call = transition.progress_call(self.leases[job_id], progress, lease_seconds=LEASE_SECONDS)
        assert run_script(self.client, call)[0] == b"OK"

    def succeed(self, job_id: str, result: PDFResult) -> None:
        fence = self.leases[job_id].fence
        call = transition.succeed_call(job_id, fence, result=json.dumps(result_json(result)))
        assert run_script(self.client, call)[0] == b"OK"

    def fail(self, job_id: str, failure: JobFailure) -> None:
        call = transition.fail_call(job_id, self.leases[job_id].fence, failure)
        assert run_script(self.client, call)[0] == b"OK"


@asynccontextmanager
async def memory_stores() -> AsyncGenerator[Stores, None]:
    """The shipped fake."""
    fake = InMemoryJobStore(queued_max=QUEUED_MAX)
    yield Stores(fake, fake, fake)


@asynccontextmanager
async def redis_stores(client: "Redis[bytes]") -> AsyncGenerator[Stores, None]:
    """The real store, on a Valkey."""
    port = client.connection_pool.connection_kwargs["port"]
    connect_to_valkey = partial(connect, f"redis://127.0.0.1:{port}/0", STORE_SECONDS_MAX)
    commands = RedisCommands(connect_to_valkey(), STORE_SECONDS_MAX)
    store = RedisJobStore(commands, make_envelope(), max_attempts=4, queued_max=QUEUED_MAX)
    feed = RedisFeed(connect_to_valkey, STORE_SECONDS_MAX)
    try:
        yield Stores(store, feed, RedisWorker(client))
    finally:
        await feed.close()
        await commands.close()
        await asyncio.sleep(0)
