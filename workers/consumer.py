"""The consumer deployment: PDFProcessor takes jobs from the queue under Ray Serve's @task_consumer."""

import logging
from typing import Any

from celery import current_task
from celery.exceptions import Ignore
from ray import serve
from ray.serve.schema import CeleryAdapterConfig, TaskProcessorConfig
from ray.serve.task_consumer import task_consumer, task_handler

from workers.attempt import Attempt
from workers.autoscaling_policy import autoscaling_config
from workers.blobs import Blobs
from workers.celery_adapter import HAND_BACK_SECONDS_MAX, PDFCeleryAdapter, adapter_for
from workers.celery_settings import (
    APP_SETTINGS,
    QUEUE,
    TASK_NAME,
    TASK_SETTINGS,
    TRANSPORT_OPTIONS,
    backend_url,
)
from workers.envelope import make_envelope
from workers.fetch.fetcher import Fetcher
from workers.processor import Processor
from workers.record.transition import FAILED_QUEUE, INVALID_QUEUE
from workers.sandbox.sandbox import Sandbox
from workers.settings import WorkerSettings
from workers.stopping import attempt_seconds_max
from workers.summarize.lead import LeadSummarizer

logger = logging.getLogger(__name__)

HEALTH_CHECK_SECONDS = 5
"""How often Serve asks a replica for its health."""
REPLICA_CPUS = 0.1
"""CPUs that Ray sets aside for a replica; the sandbox's processes do the work, and the kernel shares the cores."""
DRAIN_POLL_SECONDS = 0.1
"""Nobody calls a consumer by Serve, so there are no requests to wait for: it is to stop taking jobs at once."""


def task_processor_config(settings: WorkerSettings) -> TaskProcessorConfig:
    """What Ray's task consumer is told of the queue and of Celery."""
    return TaskProcessorConfig(
        queue_name=QUEUE,
        failed_task_queue_name=FAILED_QUEUE,
        unprocessable_task_queue_name=INVALID_QUEUE,
        # Retries are ours (workers.retry); to Celery every task is tried once.
        max_retries=0,
        adapter=adapter_for(settings),
        adapter_config=CeleryAdapterConfig(
            broker_url=settings.redis_url,
            backend_url=backend_url(settings.redis_url),
            app_custom_config=APP_SETTINGS,
            task_custom_config=TASK_SETTINGS,
            broker_transport_options=TRANSPORT_OPTIONS,
        ),
    )


class PDFProcessor:
    """Works on the queue's jobs, `worker_concurrency` at once."""

    _adapter: PDFCeleryAdapter
    """Set by @task_consumer after the constructor."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._envelope = make_envelope()
        self._sandbox = Sandbox(settings)
        self._processor = Processor(Fetcher(settings), self._sandbox, Blobs(settings), LeadSummarizer())

    @task_handler(name=TASK_NAME)
    def process_pdf(self) -> dict[str, Any]:
        """Work on the job whose id is the Celery task's, if it is there to be taken.

        Returns the result and raises `JobFailure`, both of which Celery stores; raises `Ignore` where the record says
        it all already.
        """
        request: Any = current_task.request  # Celery's Context
        attempt = Attempt(self._settings, self._processor, self._adapter.backend, self._adapter.keeper, self._envelope)
        result = attempt.run(request, worker=self._adapter.worker_name)
        if result is None:
            raise Ignore
        return result

    def check_health(self) -> None:
        """Let Serve replace this replica if its consumer is dead or deaf."""
        self._adapter.check_health()


def consumer_deployment(settings: WorkerSettings) -> Any:  # Ray types `deployment(cls, …)` as a decorator
    """The deployment of the consumers."""
    consumer = task_consumer(task_processor_config=task_processor_config(settings))(PDFProcessor)
    replicas_max = settings.worker_replicas_max
    return serve.deployment(
        consumer,
        name="PDFProcessor",
        num_replicas=settings.worker_replicas if replicas_max is None else None,
        autoscaling_config=None if replicas_max is None else autoscaling_config(settings, replicas_max=replicas_max),
        max_ongoing_requests=settings.worker_concurrency,
        ray_actor_options={"num_cpus": REPLICA_CPUS},
        health_check_period_s=HEALTH_CHECK_SECONDS,
        health_check_timeout_s=HEALTH_CHECK_SECONDS,
        graceful_shutdown_wait_loop_s=DRAIN_POLL_SECONDS,
        # Past what the adapter's stop takes at most.
        graceful_shutdown_timeout_s=attempt_seconds_max(settings)
        + settings.stop_seconds_max
        + HAND_BACK_SECONDS_MAX
        + 5,
    )
