"""Callers of a gateway, as many as a fault is to meet: they submit, watch, ask and cancel, and write what they see."""

import contextlib
import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from redis import Redis

from pdfgateway import Job, JobAlreadyFinished, JobNotFound, PDFGatewayClient, PDFGatewayError
from pdfgateway.calls import Calls
from pdfgateway.watching import WatchState
from tests.faults.checker import Verdict, check
from tests.faults.history import Buried, History, Missed, Seen, Stored, Submitted, Watched
from tests.faults.orders import Kind, Order, orders, source
from tests.origin import Origin
from workers.record.transition import FAILED_QUEUE, INVALID_QUEUE

SUBMITTERS = 3
WATCHERS_MAX = 60
POLL_SECONDS = 0.3
OPEN_JOBS_MAX = 24
"""Jobs begun and not seen to end: with more, submitters wait. Else a slow machine's queue is what is measured."""
CALL_SECONDS_MAX = 45
"""A caller's patience with a call, and with a watch's first answer: longer than a front takes to be replaced."""
SETTLE_CALL_SECONDS_MAX = 60


class CountingCalls(Calls):
    """The client's calls, which also count the streams that its watches took."""

    def __init__(self, address: str) -> None:
        super().__init__(address, tls=False, metadata=None)
        self.streams: Counter[str] = Counter()

    def _stream(self, state: WatchState) -> Generator[Job, None, None]:
        self.streams[state._job_id] += 1
        yield from super()._stream(state)


class Load:
    """Callers while the `with` block lasts; then `settle` waits for what they began, and judges it."""

    def __init__(
        self, address: str, redis: "Redis[bytes]", origin: Origin, *, seed: str, jobs_per_second: float
    ) -> None:
        self.history = History()
        self.errors: Counter[str] = Counter()
        """Errors that callers were told, by reason: the client's own repetitions are not among them."""
        self._address = address
        self._origin = origin
        self._redis = redis
        self._seed = seed
        self._pause_seconds_mean = SUBMITTERS / jobs_per_second
        self._calls = CountingCalls(address)
        self._client = PDFGatewayClient(address, timeout_seconds=CALL_SECONDS_MAX)
        self._client._calls = self._calls
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._callers = ThreadPoolExecutor(WATCHERS_MAX, thread_name_prefix="caller")
        self._unfinished: list[Future[None]] = []
        self._polled: dict[str, None] = {}
        self._open: set[str] = set()
        self._unanswered: dict[str, Callable[[PDFGatewayClient], Job]] = {}
        self._probes = orders(f"{seed}-probe", 0)
        self._before = self._stored_ids()
        self._threads = [
            threading.Thread(target=self._submit_all, args=(number,), name=f"submitter-{number}")
            for number in range(SUBMITTERS)
        ]
        self._poller = threading.Thread(target=self._poll_all, name="poller")

    def __enter__(self) -> Self:
        for thread in (*self._threads, self._poller):
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if error is not None:
            self._close()

    @property
    def accepted(self) -> int:
        """Jobs that were accepted so far."""
        return len(self.history.accepted())

    @property
    def reconnects(self) -> int:
        """Streams of watches that followed another one of the same watch."""
        return sum(count - 1 for count in self._calls.streams.values())

    def probe(self, seconds_max: float) -> float:
        """How long it takes from now until a small job that is submitted now has succeeded.

        Raises AssertionError if it takes longer than `seconds_max`.
        """
        begin = time.monotonic()
        order = next(
            order for order in self._probes if order.kind is Kind.UPLOAD and order.cancel_after_seconds is None
        )
        while (job := self._submit(order)) is None:
            assert time.monotonic() - begin < seconds_max, f"no job was accepted within {seconds_max} s"
        self._watch(order, job.id)
        seconds = time.monotonic() - begin
        assert seconds < seconds_max, f"a job took {seconds:.1f} s, and may take {seconds_max}"
        return seconds

    def settle(self, seconds_max: float) -> Verdict:
        """Wait until all that was begun has ended, read it once more, and judge the history."""
        deadline = time.monotonic() + seconds_max
        try:
            with PDFGatewayClient(self._address, timeout_seconds=SETTLE_CALL_SECONDS_MAX) as client:
                self._repeat_unanswered(client)
                for call in self._unfinished:
                    call.result(max(0.1, deadline - time.monotonic()))
                for job_id in self.history.accepted():
                    self._read_end(client, job_id, deadline)
            self._read_store()
        finally:
            self._close()
        return check(self.history.events)

    def _close(self) -> None:
        self._settled.set()
        self._poller.join()
        self._client.close()
        self._callers.shutdown(cancel_futures=True)

    def _submit_all(self, number: int) -> None:
        for order in orders(f"{self._seed}-{number}", self._pause_seconds_mean):
            if self._stop.wait(order.pause_seconds):
                return
            while len(self._open) >= OPEN_JOBS_MAX:
                if self._stop.wait(POLL_SECONDS):
                    return
            job = self._submit(order)
            if job is None:
                continue
            if order.cancel_after_seconds is not None:
                self._unfinished.append(self._callers.submit(self._cancel, order, job.id))
            if order.watched:
                self._unfinished.append(self._callers.submit(self._watch, order, job.id))
            else:
                self._polled[job.id] = None

    def _submit(self, order: Order) -> Job | None:
        what = source(order, self._origin)

        def call(client: PDFGatewayClient) -> Job:
            return client.submit(what, request_id=order.request_id)

        try:
            job = call(self._client)
        except PDFGatewayError as error:
            self.errors[error.reason] += 1
            self._unanswered[order.request_id] = call
            self.history.note(Submitted(request_id=order.request_id, job_id=None, may_end=order.may_end))
            return None
        self.history.note(Submitted(request_id=order.request_id, job_id=job.id, may_end=order.may_end))
        self._open.add(job.id)
        return job

    def _cancel(self, order: Order, job_id: str) -> None:
        self._settled.wait(order.cancel_after_seconds)
        try:
            self._see("canceller", self._client.cancel(job_id))
        except JobAlreadyFinished:
            pass
        except PDFGatewayError as error:
            self.errors[error.reason] += 1

    def _watch(self, order: Order, job_id: str) -> None:
        reader = f"watch-{order.request_id}"
        self.history.note(Watched(reader=reader, job_id=job_id))
        answered = False
        # A watch that was answered once has to come back by itself; one that never was is begun again by its caller.
        while not answered and not self._settled.is_set():
            try:
                for job in self._client.watch(job_id):
                    answered = True
                    self._see(reader, job)
            except JobNotFound:
                self.history.note(Missed(reader=reader, job_id=job_id))
                return
            except PDFGatewayError as error:
                self.errors[error.reason] += 1

    def _poll_all(self) -> None:
        while not self._settled.wait(POLL_SECONDS):
            for job_id in list(self._polled):
                if self._settled.is_set():
                    return
                with contextlib.suppress(PDFGatewayError):
                    if self._read(self._client, job_id).is_terminal:
                        self._polled.pop(job_id, None)

    def _read(self, client: PDFGatewayClient, job_id: str, wait_seconds: float = 0) -> Job:
        try:
            job = client.status(job_id, wait_seconds=wait_seconds)
        except JobNotFound:
            self.history.note(Missed(reader="poller", job_id=job_id))
            self._polled.pop(job_id, None)
            raise
        except PDFGatewayError as error:
            self.errors[error.reason] += 1
            raise
        self._see("poller" if client is self._client else "last", job)
        return job

    def _read_end(self, client: PDFGatewayClient, job_id: str, deadline: float) -> None:
        with contextlib.suppress(JobNotFound):
            while not self._read(client, job_id, wait_seconds=5).is_terminal and time.monotonic() < deadline:
                pass

    def _see(self, reader: str, job: Job) -> None:
        if job.is_terminal:
            self._open.discard(job.id)
        ending = hashlib.sha256(repr(job).encode()).hexdigest()[:12] if job.is_terminal else ""
        self.history.note(
            Seen(
                reader=reader,
                job_id=job.id,
                run=job.run,
                seq=job.seq,
                state=job.state.value,
                attempt=job.attempt,
                reason=job.error.reason if job.error else "",
                ending=ending,
            )
        )

    def _repeat_unanswered(self, client: PDFGatewayClient) -> None:
        ends = {event.request_id: event.may_end for event in self.history.events if isinstance(event, Submitted)}
        for request_id, call in self._unanswered.items():
            job = call(client)
            self.history.note(Submitted(request_id=request_id, job_id=job.id, may_end=ends[request_id]))

    def _stored_ids(self) -> set[str]:
        return {raw.decode() for raw in self._redis.zrange("pdfgateway:jobs", 0, -1)}

    def _read_store(self) -> None:
        for job_id in self._stored_ids() - self._before:
            self.history.note(Stored(job_id=job_id))
        for raw in itertools.chain.from_iterable(
            self._redis.lrange(queue, 0, -1) for queue in (FAILED_QUEUE, INVALID_QUEUE)
        ):
            letter = json.loads(raw)
            if letter.get("job_id") not in self._before:
                self.history.note(Buried(job_id=str(letter.get("job_id")), run=letter.get("run", 0)))
