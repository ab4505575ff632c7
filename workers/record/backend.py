"""Celery's result backend, writing through the transition script: what Celery stores of a task is the job's record."""

import json
from typing import Any

from celery.backends.redis import RedisBackend
from celery.utils.log import get_logger
from redis import Redis
from redis.exceptions import BusyLoadingError, NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError

from workers.jobs.failure import FailureReason, JobFailure
from workers.record import transition
from workers.record.script import SCRIPT, SCRIPT_SHA

logger = get_logger(__name__)


def run_script(client: Redis, arguments: list[str | bytes]) -> list[bytes]:
    """Run the transition script; Redis is told its text when it does not know it yet.

    Raises:
        redis.exceptions.RedisError: Redis did not answer, or refused to write.
    """
    try:
        reply: list[bytes] = client.evalsha(SCRIPT_SHA, 0, *arguments)
    except NoScriptError:
        reply = client.eval(SCRIPT, 0, *arguments)
    return reply


class JobBackend(RedisBackend):
    """Celery's Redis backend with one difference: a result is stored by a transition of its job, or not at all.

    Named in Celery's configuration as `workers.record.backend:JobBackend+redis://…`.
    """

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Subscribe to nothing: nobody waits here for results."""

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """Whether what Redis said may pass: it is away, or it is full or cannot write, and has written nothing."""
        cannot_write = isinstance(exc, ResponseError) and str(exc).startswith("MISCONF")
        may_pass = isinstance(exc, OutOfMemoryError | ReadOnlyError | BusyLoadingError) or cannot_write
        return may_pass or bool(super().exception_safe_to_retry(exc))

    def run(self, arguments: list[str | bytes]) -> list[bytes]:
        """Run the transition script, trying again while Redis is away.

        Raises:
            BackendStoreError: Redis stayed away for as long as Celery's settings allow.
        """
        reply: list[bytes] = self._ensure_retryable(run_script, self.client, arguments)
        return reply

    def try_run(self, arguments: list[str | bytes]) -> list[bytes] | None:
        """Run the transition script once; None where Redis is away: progress may be lost, work must not wait for it."""
        try:
            return run_script(self.client, arguments)
        except Exception as error:
            if not self.exception_safe_to_retry(error):
                raise
            return None

    def _store_result(
        self,
        task_id: str,
        result: Any,  # JSON, or an exception as Celery's dictionary
        state: str,
        traceback: str | None = None,  # noqa: ARG002  (tracebacks belong in logs; records are shown to clients)
        request: Any = None,  # celery.app.task.Context
        **_: Any,
    ) -> Any:
        fence = getattr(request, "fence", None)
        if fence is None:
            logger.warning("Task %s is no job that was taken here: its state %s is not stored", task_id, state)
            return result
        if state == "SUCCESS":
            call = transition.succeed_call(task_id, fence, result=json.dumps(result))
        elif state == "FAILURE":
            call = transition.fail_call(task_id, fence, _failure(result))
        else:
            logger.warning("Task %s: Celery's state %s has no place in a job's record", task_id, state)
            return result
        reply = run_script(self.client, call)
        if reply[0] != b"OK":
            logger.warning(
                "Job %s is no longer this worker's, or has ended: its %s is not stored again", task_id, state
            )
        return result


def _failure(stored: Any) -> JobFailure:
    """The job's failure in what Celery made of an exception: ours as it was, any other as INTERNAL."""
    if stored.get("exc_type") == JobFailure.__name__:
        return JobFailure(*stored["exc_message"])
    return JobFailure(FailureReason.INTERNAL, f"the worker met an unexpected {stored.get('exc_type')}")
