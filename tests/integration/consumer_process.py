"""A consumer as a process of its own: all of the consumer deployment but Ray.

Arguments: the settings, as JSON; a method of kombu's QoS, such as `ack`, at whose first call it is to be killed, or an
empty one; and "alone" if the application is to go on without it when it stops, or an empty one.
"""

import json
import os
import signal
import sys
import threading
import uuid
from types import SimpleNamespace
from typing import Any

from kombu.transport.redis import QoS
from ray.serve.task_consumer import task_consumer

from workers import celery_adapter
from workers.consumer import PDFProcessor, task_processor_config
from workers.settings import WorkerSettings


def main() -> None:
    """Consume until SIGTERM; then stop as a replica does."""
    settings = WorkerSettings(**json.loads(sys.argv[1]))
    if dies_at := sys.argv[2]:
        setattr(QoS, dies_at, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    name = f"test-{uuid.uuid4().hex[:8]}"
    # Ray tells a replica its name; here nobody does.
    celery_adapter.get_replica_context = lambda: SimpleNamespace(replica_id=SimpleNamespace(unique_id=name))
    if sys.argv[3] == "alone":
        celery_adapter.application_stops = lambda: False
    deployment: Any = task_consumer(task_processor_config=task_processor_config(settings))(PDFProcessor)
    consumer = deployment(settings)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    consumer.initialize_callable(settings.worker_concurrency)
    sys.stdout.write("consuming\n")
    sys.stdout.flush()
    while not stop.wait(0.1):
        consumer.check_health()
    consumer._adapter.stop_consumer()


if __name__ == "__main__":
    main()
