"""What Celery is told, and why: the one place for both the consumers and whoever makes messages for them."""

from typing import Any

from celery import Celery

from workers.jobs.failure import JobFailure

QUEUE = "pdf_processing_queue"
"""The queue that carries the jobs."""
TASK_NAME = "process_pdf"
"""The one task. Its message carries nothing but the job's id, as the id of the task."""

APP_SETTINGS: dict[str, Any] = {
    # JSON only: a pickle on the queue would run its author's code.
    "accept_content": ["json"],
    "result_accept_content": ["json"],
    "task_serializer": "json",
    "result_serializer": "json",
    # One message in hand for each thread: more would wait there, seen by nobody, when this process dies.
    "worker_prefetch_multiplier": 1,
    # The record says STARTED from the lease on, so Celery's own note of it would be a second one.
    "task_track_started": False,
    # A finished job whose result could not be stored is no failed job: keep trying, Redis will be back.
    "result_backend_always_retry": True,
    "result_backend_max_sleep_between_retries_ms": 2_000,
    # The records expire by the job's own time.
    "result_expires": None,
    # Ray owns the root logger and stdout.
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    # A Redis that refuses a write, because it is full, is to be come back to as one that is away.
    "broker_channel_error_retry": True,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "redis_socket_timeout": 5,
    "redis_socket_connect_timeout": 2,
    "redis_socket_keepalive": True,
    "redis_backend_health_check_interval": 25,
    # Nobody is told to revoke or shut down by broadcast: a cancel is in the record, and a stop needs no broker.
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
}

TRANSPORT_OPTIONS: dict[str, Any] = {
    # Redelivery is no safety net here, the leases are; so it comes late, and a job is never near it.
    "visibility_timeout": 3_600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 10,
    # These keys are shared by all of a database's queues unless named.
    "unacked_key": "pdfgateway:unacked",
    "unacked_index_key": "pdfgateway:unacked_index",
    "unacked_mutex_key": "pdfgateway:unacked_mutex",
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}

TASK_SETTINGS: dict[str, Any] = {
    # Retries are decided by our own rule and kept in the record.
    "autoretry_for": (),
    # A job's failure is an expected outcome: Celery logs it in a line, without a traceback.
    "throws": (JobFailure,),
}


def backend_url(redis_url: str) -> str:
    """Celery's result backend: our subclass of its Redis backend, by name."""
    return f"workers.record.backend:JobBackend+{redis_url}"


def celery_app(redis_url: str) -> Celery:
    """A Celery app like the consumers', for everything beside them: tests, tools and the making of messages."""
    app = Celery("pdfgateway", broker=redis_url, backend=backend_url(redis_url))
    app.conf.update(APP_SETTINGS)
    app.conf.update(broker_transport_options=TRANSPORT_OPTIONS, task_default_queue=QUEUE)
    return app
