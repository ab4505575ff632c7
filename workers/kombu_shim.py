"""Mends for kombu 5.7, in its channel to Redis: neither a message nor an outage must end a consumer for good.

- A message that is none of ours ends it at many places: where kombu parses it, where kombu notes it down, where Celery
  unpacks it. Some are put back first, and end the next consumer too. So the queue is read through a check: Celery is
  given messages of our own making, each for the job that an item of the queue names, and all else is put aside.
- When the connection is lost, Celery 5.7 collects the kombu connection and then closes it. Closing restores
  unacknowledged messages over a channel whose connection is gone already: AttributeError, which Celery takes for a
  fatal error. Told as what it is, a lost connection, Celery reconnects.
"""

import json
import logging
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from kombu.transport.redis import Channel, QoS, Transport
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from workers.celery_settings import QUEUE
from workers.dead_message import bury
from workers.envelope import make_envelope
from workers.message_check import MessageFault, NotAJobMessage, job_id_of
from workers.record.script import Envelope

logger = logging.getLogger(__name__)


class QueueReader(Redis):
    """kombu's client of Redis, by which it reads the queue: it is given what `check` makes of an item, or nothing."""

    def __init__(self, *, check: Callable[[bytes], str | None], **options: Any) -> None:
        super().__init__(**options)
        self._check = check

    def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
        """As kombu calls it: the reply to BRPOP is the list's key and an item, or None if none came in time."""
        reply = super().parse_response(connection, command_name, **options)
        if command_name != "BRPOP" or not reply:
            return reply
        key, item = reply
        message = self._check(item)
        return None if message is None else (key, message)


class CheckedQoS(QoS):
    """kombu's books of the messages in hand, with entries that are no messages put aside."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back on the queue. Where it is none, kombu fails, and would again at each start."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)
        except (ValueError, TypeError, RecursionError):
            with self.channel.conn_or_acquire(client) as redis:
                entry = redis.hget(self.unacked_key, tag)
                self._remove_from_indices(tag).execute()
            why = NotAJobMessage(MessageFault.MALFORMED_MESSAGE, "it was among the messages in hand, and is none")
            self.channel.put_aside(entry or b"", why)


class CheckedChannel(Channel):
    """A channel on which nothing comes but jobs' messages."""

    QoS = CheckedQoS

    @cached_property
    def _envelope(self) -> Envelope:
        return make_envelope()

    def _get_client(self) -> Any:
        return partial(QueueReader, check=self._check)

    def _check(self, item: bytes) -> str | None:
        """A message of our own making for the job of the item; None if the item is no job's message."""
        try:
            job_id = job_id_of(item)
        except NotAJobMessage as why:
            self.put_aside(item, why)
            return None
        envelope = self._envelope
        # A tag of its own: the item's may be anything, or one that another message has.
        return envelope.text.replace(envelope.id_place, job_id).replace(envelope.tag_place, self._next_delivery_tag())

    def put_aside(self, item: bytes, why: NotAJobMessage) -> None:
        """Move an item to the dead letters. It may hold secrets, so the log tells of it and does not show it."""
        try:
            with self.conn_or_acquire() as client:
                bury(client, item, why)
        except RedisError as error:
            note = f"is lost, for it could not be put aside ({type(error).__name__})"
        else:
            note = "is put aside"
        logger.warning("An item of the queue (%d bytes) is no job's message and %s: %s", len(item), note, why.fault)

    def _do_restore_message(
        self,
        payload: Any,
        exchange: Any,  # noqa: ARG002  (kombu's signature; there is one queue, whatever the books say)
        routing_key: Any,  # noqa: ARG002  (as above)
        pipe: Any,
        leftmost: bool = False,
    ) -> None:
        """Put back what is in the books, without a look at it: it is checked when it is read."""
        (pipe.lpush if leftmost else pipe.rpush)(QUEUE, json.dumps(payload))

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("the channel's connection is gone")
        return super()._connparams(asynchronous)


def install() -> None:
    """Put the mends in place; again is harmless."""
    # By the class and not by Celery's setting `broker_transport`, which would make kombu forget that rediss:// is TLS.
    Transport.Channel = CheckedChannel
