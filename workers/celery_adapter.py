"""Ray Serve's Celery adapter, made to keep our promises: see each method for what is different, and why."""

import threading
import time
from collections.abc import Callable
from typing import Any

import celery.worker.state
from celery.bootsteps import StartStopStep
from ray.serve import get_replica_context
from ray.serve.schema import TaskProcessorConfig
from ray.serve.task_processor import CeleryTaskProcessorAdapter

from workers import kombu_shim
from workers.consumer_health import consumer_fault
from workers.lease_keeper import LeaseKeeper
from workers.record.backend import JobBackend, run_script
from workers.settings import WorkerSettings
from workers.stopping import application_stops, attempt_seconds_max

TICK_SECONDS = 2
HAND_BACK_SECONDS_MAX = 5
"""Time for the work in hand to stop and be handed back."""
STOP_POLL_SECONDS = 1
"""How often a consumer that finishes its jobs asks whether it is to hurry."""


class ConsumerDead(RuntimeError):
    """The consumer of this replica works no more; Serve replaces a replica whose health check raises."""


class PDFCeleryAdapter(CeleryTaskProcessorAdapter):
    """The adapter of the PDFProcessor deployment, named in its TaskProcessorConfig."""

    settings: WorkerSettings
    """Set by a subclass made with `adapter_for`: Ray makes the adapter from its config alone."""

    def __init__(self, config: TaskProcessorConfig, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._last_tick = time.monotonic()

    def initialize(self, consumer_concurrency: int = 1) -> None:
        """Make the Celery app as Ray does, with the consumer's loop watched and kombu mended."""
        kombu_shim.install()
        super().initialize(consumer_concurrency)
        steps: Any = self._app.steps  # Celery leaves it untyped
        steps["consumer"].add(_tick_step(self._tick))

    def start_consumer(self, **_: Any) -> None:
        """Start the worker's thread without gossip, mingle and events, which nobody here reads; and its heartbeat."""
        self._worker_hostname = f"{self._app.main}_{get_replica_context().replica_id.unique_id}"
        self.keeper = LeaseKeeper(
            lambda arguments: run_script(self.backend.client, arguments),
            worker=self._worker_hostname,
            lease_seconds=self.settings.lease_seconds,
            renew_seconds=self.settings.lease_renew_seconds,
        )
        arguments = [
            "worker",
            f"--hostname={self._worker_hostname}",
            f"--queues={self._config.queue_name}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
        ]
        self._worker_thread = threading.Thread(
            target=self._app.worker_main, args=(arguments,), name="celery-worker", daemon=True
        )
        self._last_tick = time.monotonic()
        self._worker_thread.start()
        self.keeper.start()

    def stop_consumer(self, timeout: float = 10.0) -> None:  # noqa: ARG002  (Ray's name; the setting decides)
        """Take nothing more at once, finish what is in hand, and hand back what is not finished in time.

        A replica that stops alone, because fewer are needed, has time for the longest job: to scale down costs no
        work. When all of the application stops, somebody waits for it, and the time is `stop_seconds_max`.

        By Celery's own flag and not by a broadcast, which needs a broker that answers.
        """
        thread = self._worker_thread
        if thread is None or not thread.is_alive():
            return
        faulty = self._fault() is not None
        celery.worker.state.should_stop = 0
        deadline = time.monotonic() + attempt_seconds_max(self.settings)
        while thread.is_alive() and time.monotonic() < deadline:
            if faulty or application_stops():
                thread.join(self.settings.stop_seconds_max)
                break
            thread.join(STOP_POLL_SECONDS)
        if thread.is_alive():
            self.keeper.stop_all()
            thread.join(HAND_BACK_SECONDS_MAX)
        self.keeper.close()

    def check_health(self) -> None:
        """Raise if the consumer is dead or deaf.

        Raises:
            ConsumerDead: and why.
        """
        if fault := self._fault():
            raise ConsumerDead(fault)

    @property
    def worker_name(self) -> str:
        """The consumer's name, as leases and heartbeats have it."""
        return self._worker_hostname or ""

    @property
    def backend(self) -> JobBackend:
        """The result backend: the way to the records."""
        backend = self._app.backend
        if not isinstance(backend, JobBackend):
            raise TypeError(f"the result backend is {type(backend).__name__}, not JobBackend")
        return backend

    def _fault(self) -> str | None:
        now = time.monotonic()
        return consumer_fault(
            thread_alive=self._worker_thread is not None and self._worker_thread.is_alive() and self.keeper.is_alive,
            beat_age_seconds=now - self.keeper.last_beat,
            tick_age_seconds=now - self._last_tick,
        )

    def _tick(self) -> None:
        self._last_tick = time.monotonic()

    def _handle_task_failure(self, *_: Any, **__: Any) -> None:
        """Do nothing: a failed job's dead letter is written with its terminal state, in the same transition."""

    def _handle_unknown_task(self, *_: Any, **__: Any) -> None:
        """Do nothing: a message of another task is put aside before Celery sees it (workers.kombu_shim)."""


def adapter_for(settings: WorkerSettings) -> type[PDFCeleryAdapter]:
    """The adapter's class with these settings."""
    return type("PDFCeleryAdapter", (PDFCeleryAdapter,), {"settings": settings})


def _tick_step(tick: Callable[[], None]) -> type[StartStopStep]:
    class Tick(StartStopStep):
        """Shows that the consumer's loop turns."""

        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, parent: Any) -> None:
            tick()
            self._timer = parent.timer.call_repeatedly(TICK_SECONDS, tick)

        def stop(self, parent: Any) -> None:  # noqa: ARG002  (Celery's signature)
            if timer := getattr(self, "_timer", None):
                timer.cancel()

        shutdown = stop

    return Tick
