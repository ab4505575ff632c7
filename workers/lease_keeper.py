"""A consumer's heartbeat: one thread renews all its leases and learns which jobs are cancelled or lost."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from redis.exceptions import RedisError

from workers.record.script import RunScript
from workers.record.transition import Lease, beat_call

logger = logging.getLogger(__name__)


class Stop(Enum):
    """Why the work on a job is to stop."""

    CANCELLED = "CANCELLED"
    """A cancel was asked for."""
    LOST = "LOST"
    """The lease is another's, or nobody's."""
    SHUTDOWN = "SHUTDOWN"
    """This process is to stop."""


class HeldLease:
    """A lease while its job is worked on."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self._stop: Stop | None = None

    def stop(self) -> Stop | None:
        """Why the work is to stop; None: go on."""
        return self._stop

    def learn(self, stop: Stop) -> None:
        """Take note that the work is to stop; the first reason stays."""
        self._stop = self._stop or stop


class LeaseKeeper:
    """Renews leases from a thread of its own, once in `renew_seconds`, in one call for all of them."""

    def __init__(self, run_script: RunScript, *, worker: str, lease_seconds: float, renew_seconds: float) -> None:
        self._run_script = run_script
        self._worker = worker
        self._lease_seconds = lease_seconds
        self._renew_seconds = renew_seconds
        self._held: dict[str, HeldLease] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
        self.last_beat = time.monotonic()
        """When Redis last took the heartbeat, by the monotonic clock."""

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def close(self) -> None:
        """End the heartbeat."""
        self._ended.set()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @contextmanager
    def held(self, lease: Lease) -> Iterator[HeldLease]:
        """Keep a lease renewed while its job is worked on."""
        held = HeldLease(lease)
        with self._lock:
            self._held[lease.job_id] = held
        try:
            yield held
        finally:
            with self._lock:
                if self._held.get(lease.job_id) is held:
                    del self._held[lease.job_id]

    def stop_all(self) -> None:
        """Tell all work in hand to stop, because this process is to."""
        with self._lock:
            for held in self._held.values():
                held.learn(Stop.SHUTDOWN)

    def beat(self) -> None:
        """Renew all leases once.

        Raises:
            RedisError: Redis did not take it. The leases may lapse then, and the jobs become another's.
        """
        with self._lock:
            held = list(self._held.values())
        call = beat_call(self._worker, [one.lease for one in held], lease_seconds=self._lease_seconds)
        states = self._run_script(call)[1:]
        self.last_beat = time.monotonic()
        for one, state in zip(held, states, strict=True):
            if state == b"CANCELLING":
                one.learn(Stop.CANCELLED)
            elif state == b"LOST":
                one.learn(Stop.LOST)

    def _run(self) -> None:
        while not self._ended.wait(self._renew_seconds):
            try:
                self.beat()
            except (RedisError, OSError) as error:
                logger.warning("Heartbeat of %s not taken: %s", self._worker, type(error).__name__)
