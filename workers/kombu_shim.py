"""A mend for kombu 5.7: a restart of Redis must not kill a consumer that is at work.

When the connection is lost, Celery 5.7 collects the kombu connection and then closes it. Closing restores
unacknowledged messages over a channel whose connection is gone already: `Channel._connparams` raises AttributeError,
which Celery takes for a fatal error, and the consumer ends for good. Told as what it is, a lost connection, Celery
reconnects.
"""

from typing import Any

from kombu.transport.redis import Channel
from redis.exceptions import ConnectionError as RedisConnectionError

_original = Channel._connparams  # noqa: SLF001  (the seam to be mended; a contract test guards it)


def _connparams(self: Any, asynchronous: bool = False) -> Any:
    if self.connection is None or self.connection.client is None:
        raise RedisConnectionError("the channel's connection is gone")
    return _original(self, asynchronous)


def install() -> None:
    """Put the mend in place; again is harmless."""
    Channel._connparams = _connparams  # type: ignore[method-assign]  # noqa: SLF001  (the seam to be mended)
