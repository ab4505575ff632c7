"""Watches of jobs: each watcher gets the newest state it has not seen, whatever the number of watchers.

Level-triggered, as in etcd and Kubernetes: a change wakes the watchers, and each takes the whole job as it then is. So
a slow watcher misses states in between, never the last, and nothing is buffered for it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from itertools import islice

from gateway.errors import Reason, Refusal, job_not_found
from gateway.job_store import JobFeed, JobStore
from workers.jobs.job import Job

logger = logging.getLogger("pdfgateway")

POLL_SECONDS = 5
"""How often all watched jobs are read, in case news of them was lost."""
POLL_BATCH_MAX = 500
"""Jobs read by one command."""
WOKEN_PER_TURN_MAX = 50
"""Watchers woken in one turn of the event loop: thousands at once would let nobody else have a turn for a second."""


@dataclass(eq=False, slots=True)
class _Topic:
    """One watched job: the newest known state, and those who wait for a newer one."""

    watchers: int = 0
    latest: Job | None = None
    gone: bool = False
    waiting: set[asyncio.Future[None]] = field(default_factory=set)

    def wake(self) -> None:
        woken, self.waiting = self.waiting, set()
        _wake_some(iter(woken))


def _wake_some(waiters: Iterator[asyncio.Future[None]]) -> None:
    some = list(islice(waiters, WOKEN_PER_TURN_MAX))
    for waiter in some:
        if not waiter.done():
            waiter.set_result(None)
    if some:
        asyncio.get_running_loop().call_soon(_wake_some, waiters)


class WatchHub:
    """All watches of one process. `run` must be running as a task of the same event loop."""

    def __init__(self, store: JobStore, feed: JobFeed, *, watches_max: int, poll_seconds: float = POLL_SECONDS) -> None:
        self._store = store
        self._feed = feed
        self._watches_max = watches_max
        self._poll_seconds = poll_seconds
        self._topics: dict[str, _Topic] = {}
        self._watches = 0
        self._is_stopping = False

    @property
    def watches(self) -> int:
        """Watches open now."""
        return self._watches

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._is_stopping

    def stop(self) -> None:
        """End all watches, once they have told what is new. One that is begun now shows the job as it is, and ends."""
        self._is_stopping = True
        for topic in self._topics.values():
            topic.wake()

    async def run(self) -> None:
        """Take in news for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._poll())

    async def watch(
        self, job_id: str, *, after_seq: int, heartbeat_seconds: float, seconds_max: float
    ) -> AsyncGenerator[Job | None, None]:
        """The job at once, and after each change, until it is terminal, the time is over or the hub is stopped.

        None is a heartbeat. A job whose seq is `after_seq` or less is not sent, unless it is terminal.

        Raises:
            Refusal: JOB_NOT_FOUND, EXPIRED, TOO_MANY_WATCHES or STORE_UNAVAILABLE.
        """
        if self._watches >= self._watches_max:
            raise Refusal(Reason.TOO_MANY_WATCHES, f"{self._watches} callers watch or wait already. Try again later.")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds_max
        topic = self._topics.setdefault(job_id, _Topic())
        topic.watchers += 1
        self._watches += 1
        try:
            await self._feed.subscribe(job_id)
            self._learn(topic, await self._store.find(job_id))
            job = topic.latest
            while True:
                if job is not None and (job.seq > after_seq or job.state.is_terminal):
                    yield job
                    after_seq = job.seq
                    if job.state.is_terminal:
                        return
                remaining = deadline - loop.time()
                if remaining <= 0:
                    return
                if topic.latest is None or topic.latest.seq <= after_seq:
                    if self._is_stopping:
                        return
                    changed = await self._changed(topic, min(heartbeat_seconds, remaining))
                    if topic.gone:
                        await self._store.find(job_id)  # says why it is not there
                        raise job_not_found(job_id)
                    if not changed and deadline > loop.time():
                        yield None
                job = topic.latest
        finally:
            self._watches -= 1
            topic.watchers -= 1
            if topic.watchers == 0 and self._topics.get(job_id) is topic:
                del self._topics[job_id]
                await self._feed.unsubscribe(job_id)

    async def _changed(self, topic: _Topic, seconds: float) -> bool:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        topic.waiting.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return False
        finally:
            topic.waiting.discard(waiter)
        return True

    @staticmethod
    def _learn(topic: _Topic, job: Job) -> None:
        if topic.latest is None or job.seq > topic.latest.seq:
            topic.latest = job
            topic.wake()

    async def _follow(self) -> None:
        while True:
            try:
                job = await self._feed.next()
            except Exception:
                # Watchers go on by the readings of `_poll`; a fault of the feed must not end the news for good.
                logger.exception("The feed of changes failed; it is asked again")
                await asyncio.sleep(self._poll_seconds)
                continue
            if topic := self._topics.get(job.id):
                self._learn(topic, job)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            watched = [job_id for job_id, topic in self._topics.items() if topic.latest]
            for start in range(0, len(watched), POLL_BATCH_MAX):
                await self._read(watched[start : start + POLL_BATCH_MAX])

    async def _read(self, job_ids: list[str]) -> None:
        try:
            jobs = await self._store.find_many(job_ids)
        except Refusal:
            return
        except Exception:
            # One unreadable record must not end the news of all others.
            logger.exception("Watched jobs could not be read; the next reading follows")
            return
        for job_id, job in zip(job_ids, jobs, strict=True):
            topic = self._topics.get(job_id)
            if topic is None:
                continue
            if job is None:
                topic.gone = True
                topic.wake()
            else:
                self._learn(topic, job)
