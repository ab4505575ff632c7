"""Which channel a call goes over: no connection carries more streams than servers and proxies allow."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

LONG_CALLS_PER_CHANNEL_MAX = 90
"""Below the 100 streams per HTTP/2 connection that RFC 9113 (section 6.5.2) names and HAProxy allows by
default; one more would wait inside gRPC, unseen, until another one ends. The rest is for short calls."""

Channel = TypeVar("Channel")


class ChannelPool(Generic[Channel]):
    """The channels of one client, opened as they are needed; safe for threads."""

    def __init__(self, open_channel: Callable[[], Channel]) -> None:
        self._open_channel = open_channel
        self._lock = threading.Lock()
        self._channels: list[Channel] = []
        self._long_calls: list[int] = []
        self._closed = False

    def for_short_call(self) -> Channel:
        """Return the channel for calls answered at once. Raises RuntimeError if the client is closed."""
        with self._lock:
            return self._channels[self._slot(lambda _: True)]

    @contextmanager
    def for_long_call(self) -> Iterator[Channel]:
        """Lend a channel with room for one more long call. Raises RuntimeError if the client is closed."""
        with self._lock:
            slot = self._slot(lambda count: count < LONG_CALLS_PER_CHANNEL_MAX)
            self._long_calls[slot] += 1
            channel = self._channels[slot]
        try:
            yield channel
        finally:
            with self._lock:
                self._long_calls[slot] -= 1

    def close(self) -> list[Channel]:
        """Lend no more channels; return those that were opened, for the owner to close."""
        with self._lock:
            self._closed = True
            return self._channels

    def _slot(self, has_room: Callable[[int], bool]) -> int:
        """Return the index of the first channel that has room; open a channel where none has."""
        if self._closed:
            raise RuntimeError("this client is closed")
        for slot, long_calls in enumerate(self._long_calls):
            if has_room(long_calls):
                return slot
        self._channels.append(self._open_channel())
        self._long_calls.append(0)
        return len(self._channels) - 1
