"""What is mended in kombu."""

from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from workers.kombu_shim import CheckedChannel


@pytest.mark.parametrize("connection", [None, SimpleNamespace(client=None)], ids=["closed", "collected"])
def test_a_channel_whose_connection_is_gone_says_so(connection: Any) -> None:
    """kombu would raise AttributeError, which Celery takes for fatal; after a lost connection it connects again."""
    channel = CheckedChannel.__new__(CheckedChannel)  # its constructor connects
    channel.connection = connection
    with pytest.raises(RedisConnectionError):
        channel._connparams()
