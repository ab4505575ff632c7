"""How a connection to the gateway is opened: one set of gRPC's options for the sync and the async client."""

from collections.abc import Mapping
from importlib.metadata import version

import grpc
import grpc.aio

from pdfgateway.submission import MESSAGE_BYTES_MAX

DEFAULT_ADDRESS = "localhost:9000"
"""Where a gateway on this machine listens for gRPC."""

KEEPALIVE_SECONDS = 30
"""Between pings while a call is open. A server with gRPC's default policy cuts off a client that pings much
oftener than the gateway's heartbeats come, every 10 s."""

KEEPALIVE_ANSWER_SECONDS_MAX = 10
"""How long the answer to a ping may take."""

RECONNECT_SECONDS_MIN = 0.2
"""gRPC's own pause before it dials again, after the first failure."""

RECONNECT_SECONDS_MAX = 2.0
"""The longest of these pauses; gRPC's default is 120 s, long after a gateway that restarted is back."""

ChannelOptions = tuple[tuple[str, int | str], ...]


def channel_options() -> ChannelOptions:
    """Return the options of each channel, in gRPC's names and units."""
    return (
        ("grpc.primary_user_agent", f"pdfgateway-python/{version('pdfgateway')}"),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_ANSWER_SECONDS_MAX * 1000),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.initial_reconnect_backoff_ms", round(RECONNECT_SECONDS_MIN * 1000)),
        ("grpc.max_reconnect_backoff_ms", round(RECONNECT_SECONDS_MAX * 1000)),
        # Channels share connections by default; ours are separate so that each has its own room for streams.
        ("grpc.use_local_subchannel_pool", 1),
    )


def open_channel(address: str, tls: bool | grpc.ChannelCredentials) -> grpc.Channel:
    """Return a channel that connects when it is first used."""
    if tls is False:
        return grpc.insecure_channel(address, channel_options())
    credentials = grpc.ssl_channel_credentials() if tls is True else tls
    return grpc.secure_channel(address, credentials, channel_options())


def open_async_channel(address: str, tls: bool | grpc.ChannelCredentials) -> grpc.aio.Channel:
    """Return a channel of the running event loop, that connects when it is first used."""
    if tls is False:
        return grpc.aio.insecure_channel(address, channel_options())
    credentials = grpc.ssl_channel_credentials() if tls is True else tls
    return grpc.aio.secure_channel(address, credentials, channel_options())


def call_metadata(metadata: Mapping[str, str | bytes] | None) -> tuple[tuple[str, str | bytes], ...]:
    """Return the metadata of each call, with keys in lower case as HTTP/2 wants them."""
    return tuple((key.lower(), value) for key, value in (metadata or {}).items())
