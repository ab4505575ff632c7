"""Name to addresses, once, in bounded time: `getaddrinfo` knows no deadline, so a thread waits for it."""

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from ipaddress import ip_address

from workers.fetch.address_policy import IPAddress
from workers.fetch.cutoff import POLL_SECONDS, Cutoff
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure

LOOKUPS_MAX = 64
"""Lookups under way at once in one process, those that nobody waits for any more included."""

Resolve = Callable[[str], Sequence[IPAddress]]
"""All addresses of a DNS name, best first; raises OSError when it has none. It may block."""


def system_resolve(host: str) -> Sequence[IPAddress]:
    """All addresses of a name as the operating system gives them, hosts file included. Raises OSError."""
    answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ip_address(address[0]) for *_, address in answers))


class Resolver:
    """Resolves names within a download's cutoff."""

    def __init__(self, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        self._lookups = threading.BoundedSemaphore(LOOKUPS_MAX)

    def addresses(self, url: SourceUrl, cutoff: Cutoff) -> Sequence[IPAddress]:
        """All addresses of the URL's host, asked for once; a host that is an address is its own answer.

        Raises JobFailure SOURCE_UNREACHABLE when the name has no address, and what the cutoff raises.
        """
        if url.address is not None:
            return (url.address,)
        cutoff.slice_by_slice(self._take_turn)
        lookup: Future[Sequence[IPAddress]] = Future()
        threading.Thread(target=self._look_up, args=(url.host, lookup), name="dns", daemon=True).start()
        cutoff.slice_by_slice(lambda: _wait_slice(lookup))
        try:
            addresses = lookup.result()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise JobFailure(
                FailureReason.SOURCE_UNREACHABLE, f"the name {url.host} does not resolve: {reason}"
            ) from None
        if not addresses:
            raise JobFailure(FailureReason.SOURCE_UNREACHABLE, f"the name {url.host} has no address")
        return addresses

    def _take_turn(self) -> None:
        if not self._lookups.acquire(timeout=POLL_SECONDS):
            raise TimeoutError

    def _look_up(self, host: str, lookup: Future[Sequence[IPAddress]]) -> None:
        try:
            lookup.set_result(self._resolve(host))
        except BaseException as error:  # noqa: BLE001  (the thread that waits for the lookup raises it)
            lookup.set_exception(error)
        finally:
            self._lookups.release()


def _wait_slice(lookup: Future[Sequence[IPAddress]]) -> None:
    done, _ = wait([lookup], timeout=POLL_SECONDS)
    if not done:
        raise TimeoutError
