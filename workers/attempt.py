"""One attempt at a job, from its lease to its end: what is written to the record on each way out."""

import logging
from typing import Any, Protocol

from workers.jobs.failure import FailureReason, JobFailure
from workers.jobs.job import Progress
from workers.lease_keeper import HeldLease, LeaseKeeper, Stop
from workers.processor import Processor, Stopped, Task
from workers.progress import ProgressReporter
from workers.record.document import result_json
from workers.record.script import Envelope
from workers.record.transition import (
    Lease,
    cancelled_call,
    hand_back_call,
    parse_lease,
    progress_call,
    retry_call,
    take_call,
)
from workers.retry import final_failure, retry_delay_seconds
from workers.settings import WorkerSettings

logger = logging.getLogger(__name__)


class Records(Protocol):
    """The way to the records: runs the transition script, trying again while Redis is away."""

    def run(self, arguments: list[str | bytes]) -> list[bytes]:
        """Run the script and return its reply."""
        ...

    def try_run(self, arguments: list[str | bytes]) -> list[bytes] | None:
        """Run the script once; None where Redis is away, for what may be lost."""
        ...


class TaskRequest(Protocol):
    """Celery's request of the running task: the result backend reads the fence from it."""

    id: str
    fence: str


class Attempt:
    """Takes a job, works on it, and ends the attempt in the record unless Celery is to do so."""

    def __init__(
        self,
        settings: WorkerSettings,
        processor: Processor,
        records: Records,
        keeper: LeaseKeeper,
        envelope: Envelope,
    ) -> None:
        self._settings = settings
        self._processor = processor
        self._records = records
        self._keeper = keeper
        self._envelope = envelope

    def run(self, request: TaskRequest, *, worker: str) -> dict[str, Any] | None:
        """Work on the job; the result for Celery to store, or None where there is nothing more to store.

        Raises:
            JobFailure: the job has failed for good; Celery stores it.
        """
        call = take_call(request.id, worker=worker, lease_seconds=self._settings.lease_seconds)
        lease = parse_lease(request.id, self._records.run(call))
        if lease is None:
            # A message without a job to be taken: cancelled meanwhile, in another's hands, or delivered twice.
            return None
        request.fence = lease.fence
        with self._keeper.held(lease) as held:
            try:
                return self._process(held)
            except Stopped:
                self._end_stopped(held)
                return None
            except JobFailure as failure:
                self._end_failed(lease, failure)
                return None
            except BaseException as error:
                # MemoryError and SystemExit too: Celery would neither store nor acknowledge them.
                logger.exception("Job %s met an unforeseen error", lease.job_id)
                fault = JobFailure(FailureReason.INTERNAL, f"the worker met an unforeseen {type(error).__name__}")
                self._end_failed(lease, fault)
                return None

    def _process(self, held: HeldLease) -> dict[str, Any]:
        lease = held.lease

        def write(progress: Progress) -> None:
            call = progress_call(lease, progress, lease_seconds=self._settings.lease_seconds)
            reply = self._records.try_run(call)
            if reply is None:
                return
            if reply[0] != b"OK":
                held.learn(Stop.LOST)
            elif reply[1] == b"CANCELLING":
                held.learn(Stop.CANCELLED)

        reporter = ProgressReporter(
            write,
            seconds_min=self._settings.progress_seconds_min,
            seconds_max=self._settings.progress_seconds_max,
        )
        task = Task.parse(lease.source, lease.request)
        result = self._processor.process(task, reporter, lambda: held.stop() is not None)
        return result_json(result)

    def _end_stopped(self, held: HeldLease) -> None:
        lease = held.lease
        match held.stop():
            case Stop.CANCELLED:
                self._records.run(cancelled_call(lease))
            case Stop.SHUTDOWN:
                self._records.run(hand_back_call(lease, self._envelope))
            case _:
                logger.warning("Job %s is no longer this worker's; its work is dropped", lease.job_id)

    def _end_failed(self, lease: Lease, failure: JobFailure) -> None:
        failure = final_failure(failure, lease.attempts)
        delay_seconds = retry_delay_seconds(
            failure,
            attempt=lease.attempt,
            max_attempts=lease.max_attempts,
            seconds_min=self._settings.retry_seconds_min,
            seconds_max=self._settings.retry_seconds_max,
        )
        if delay_seconds is None:
            raise failure
        self._records.run(retry_call(lease, failure, delay_seconds=delay_seconds))
