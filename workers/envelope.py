"""The Celery message of a job, made once by Celery's and kombu's own code, with places for what differs."""

import json

from celery import Celery
from kombu.connection import Connection
from kombu.entity import Exchange, Queue

from workers.celery_settings import APP_SETTINGS, QUEUE, TASK_NAME
from workers.record.script import Envelope

ID_PLACE = "job_id_place"
TAG_PLACE = "delivery_tag_place"


def make_envelope() -> Envelope:
    """Let Celery send the task to kombu's in-memory transport, and take from it what would have gone to Redis.

    The Redis transport stores the same message as JSON (`kombu.transport.redis.Channel._put`); a contract test holds
    both against each other.
    """
    app = Celery(set_as_current=False)
    app.conf.update(APP_SETTINGS)
    with Connection("memory://") as connection, connection.channel() as channel:
        app.send_task(
            TASK_NAME,
            task_id=ID_PLACE,
            producer=connection.Producer(channel),
            # The default exchange: a message that kombu restores then needs no binding to find its queue.
            queue=Queue(QUEUE, exchange=Exchange(""), routing_key=QUEUE),
        )
        message = channel._get(QUEUE)  # noqa: SLF001  (virtual transports offer no other raw read)
        channel.queue_delete(QUEUE)
    message["properties"]["delivery_tag"] = TAG_PLACE
    message["headers"]["origin"] = "pdfgateway"
    return Envelope(text=json.dumps(message), id_place=ID_PLACE, tag_place=TAG_PLACE, queue=QUEUE)
