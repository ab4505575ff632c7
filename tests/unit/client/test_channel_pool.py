"""Which channel a call goes over."""

from contextlib import ExitStack

import pytest

from pdfgateway.channel import channel_options, open_channel
from pdfgateway.channel_pool import LONG_CALLS_PER_CHANNEL_MAX, ChannelPool


def numbered_channels() -> ChannelPool[int]:
    """A pool whose channels are numbers."""
    numbers = iter(range(1000))
    return ChannelPool(lambda: next(numbers))


def test_one_channel_serves_a_small_client() -> None:
    """Short and long calls share a connection while there is room."""
    pool = numbered_channels()
    with pool.for_long_call() as channel:
        assert {channel, pool.for_short_call()} == {0}


def test_no_channel_gets_more_long_calls_than_it_may() -> None:
    """One watch more than a connection may carry opens another one, and short calls still find room."""
    pool = numbered_channels()
    with ExitStack() as stack:
        watches = 2 * LONG_CALLS_PER_CHANNEL_MAX + 1
        used = [stack.enter_context(pool.for_long_call()) for _ in range(watches)]
        assert [used.count(channel) for channel in (0, 1, 2)] == [90, 90, 1]
        assert pool.for_short_call() == 0


def test_room_is_used_again() -> None:
    """A watch that ended, however, leaves its place to the next one."""
    pool = numbered_channels()
    for _ in range(3 * LONG_CALLS_PER_CHANNEL_MAX):
        with pytest.raises(KeyError), pool.for_long_call():
            raise KeyError
    assert pool.close() == [0]


def test_a_closed_pool_lends_nothing() -> None:
    """Nothing is opened after the client was closed."""
    pool = numbered_channels()
    pool.for_short_call()
    assert pool.close() == [0]
    with pytest.raises(RuntimeError, match="closed"):
        pool.for_short_call()
    with pytest.raises(RuntimeError, match="closed"), pool.for_long_call():
        pass


def test_pings_keep_to_the_servers_default_policy() -> None:
    """A ping oftener than every 30 s, or without a call, would have gRPC's servers cut the client off."""
    options = dict(channel_options())
    assert int(options["grpc.keepalive_time_ms"]) >= 30_000
    assert options["grpc.keepalive_permit_without_calls"] == 0


def test_a_gateway_that_is_back_is_found_soon() -> None:
    """However long an outage was, gRPC dials again within seconds of its end."""
    assert int(dict(channel_options())["grpc.max_reconnect_backoff_ms"]) <= 5_000


@pytest.mark.parametrize("tls", [False, True])
def test_a_channel_does_not_connect_before_it_is_used(tls: bool) -> None:
    """Making a client fails for no address."""
    open_channel("localhost:1", tls).close()
