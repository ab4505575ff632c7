"""A connection to an address that was checked, and to no other; with TLS verified against the URL's host.

Sockets made here read in slices, so that a silent or dripping origin ends with its download's cutoff.
"""

import os
import selectors
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import ExitStack
from errno import EINPROGRESS
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, cast

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from workers.fetch.address_policy import IPAddress
from workers.fetch.cutoff import POLL_SECONDS, Cutoff
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ADDRESSES_DIALLED_MAX = 4
"""Addresses of one name that are tried in turn."""
CONNECT_SECONDS_MAX = 10.0
"""The longest wait for one address to accept; less when the deadline leaves less for each address."""


class _SlicedSocket(socket.socket):
    """A TCP connection that reads until its download's cutoff."""

    cutoff: Cutoff

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        return self.cutoff.slice_by_slice(partial(super().recv_into, buffer, nbytes, flags))


class _SlicedTlsSocket(ssl.SSLSocket):
    """A TLS connection that reads until its download's cutoff."""

    cutoff: Cutoff

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        return self.cutoff.slice_by_slice(partial(super().recv_into, buffer, nbytes, flags))


class Dialler:
    """Opens connections."""

    def __init__(self, authorities_file: Path | None = None) -> None:
        """Trust the public certificate authorities, those that this host trusts, and those of a PEM file."""
        self._tls = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
        self._tls.load_default_certs()
        if authorities_file is not None:
            self._tls.load_verify_locations(authorities_file)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._tls.sslsocket_class = _SlicedTlsSocket

    def dial(self, url: SourceUrl, addresses: Sequence[IPAddress], cutoff: Cutoff) -> socket.socket:
        """A connection to the first of the addresses that accepts, ready for HTTP. The caller hangs up.

        Raises JobFailure SOURCE_UNREACHABLE or SOURCE_TLS_FAILED, and what the cutoff raises.
        """
        connection = _first_that_accepts(url, addresses[:ADDRESSES_DIALLED_MAX], cutoff)
        if url.scheme == "http":
            return connection
        try:
            return self._secured(url, connection, cutoff)
        except ssl.SSLCertVerificationError as error:
            raise JobFailure(
                FailureReason.SOURCE_TLS_FAILED,
                f"the certificate of {url.authority} could not be verified: {error.verify_message}",
            ) from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise _unreachable(url, error) from None
        except ssl.SSLError as error:
            raise JobFailure(
                FailureReason.SOURCE_TLS_FAILED,
                f"no secure connection to {url.authority}: {error.reason or type(error).__name__}",
            ) from None
        except OSError as error:
            raise _unreachable(url, error) from None

    def _secured(self, url: SourceUrl, connection: socket.socket, cutoff: Cutoff) -> socket.socket:
        """The connection after its handshake. Raises OSError, ssl.SSLError too, and what the cutoff does."""
        with ExitStack() as undo:
            undo.enter_context(connection)
            secured = cast(
                "_SlicedTlsSocket",
                self._tls.wrap_socket(connection, server_hostname=url.host, do_handshake_on_connect=False),
            )
            undo.enter_context(secured)
            secured.cutoff = cutoff
            cutoff.slice_by_slice(secured.do_handshake)
            undo.pop_all()
            return secured


def hang_up(connection: socket.socket) -> None:
    """Close a connection now, even where a library that failed still holds a file over it."""
    descriptor = connection.detach()
    if descriptor != -1:
        os.close(descriptor)


def _first_that_accepts(url: SourceUrl, addresses: Sequence[IPAddress], cutoff: Cutoff) -> _SlicedSocket:
    failure: OSError = ConnectionError("no address")
    for tried, address in enumerate(addresses):
        seconds_max = min(CONNECT_SECONDS_MAX, cutoff.seconds_left / (len(addresses) - tried))
        try:
            return _connected(address, url.port, seconds_max, cutoff)
        except OSError as error:
            failure = error
    raise _unreachable(url, failure)


def _connected(address: IPAddress, port: int, seconds_max: float, cutoff: Cutoff) -> _SlicedSocket:
    """A connection to this address. Raises OSError, TimeoutError among them, and what the cutoff raises."""
    with ExitStack() as undo:
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        connection = undo.enter_context(_SlicedSocket(family, socket.SOCK_STREAM))
        connection.cutoff = cutoff
        connection.setblocking(False)
        errno = connection.connect_ex((str(address), port))
        if errno == EINPROGRESS:
            _wait_until_writable(connection, time.monotonic() + seconds_max, cutoff)
            errno = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if errno:
            raise OSError(errno, os.strerror(errno))
        if ip_address(connection.getpeername()[0]) != address:
            raise ConnectionError("the connection leads to another address than the one that was checked")
        connection.settimeout(POLL_SECONDS)
        undo.pop_all()
        return connection


def _wait_until_writable(connection: socket.socket, end_seconds: float, cutoff: Cutoff) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_WRITE)
        while not selector.select(min(POLL_SECONDS, max(0.0, end_seconds - time.monotonic()))):
            cutoff.check()
            if time.monotonic() >= end_seconds:
                raise TimeoutError("no answer")


def _unreachable(url: SourceUrl, error: OSError) -> JobFailure:
    return JobFailure(
        FailureReason.SOURCE_UNREACHABLE,
        f"{url.authority} does not accept the connection: {error.strerror or error}",
    )
