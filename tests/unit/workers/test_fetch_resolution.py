"""Resolution: once, bounded in time and number, and never of a host that is an address."""

import socket
import threading
from collections.abc import Sequence
from ipaddress import IPv4Address

import pytest

from workers.fetch import resolution
from workers.fetch.address_policy import IPAddress
from workers.fetch.cutoff import Cutoff, FetchStopped
from workers.fetch.own_address import is_own_address
from workers.fetch.resolution import Resolver
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure

NAME = SourceUrl.parse("http://example.com/")
PUBLIC = IPv4Address("93.184.216.34")


@pytest.fixture(autouse=True)
def _short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolution, "POLL_SECONDS", 0.01)


def cutoff_of(seconds_max: float) -> Cutoff:
    """A cutoff that nobody stops."""
    return Cutoff(NAME, seconds_max, lambda: False)


def test_a_name_is_asked_once_and_all_its_addresses_are_given() -> None:
    """Who checks needs all addresses, and who dials must not ask again."""
    asked: list[str] = []

    def resolve(host: str) -> Sequence[IPAddress]:
        asked.append(host)
        return (PUBLIC, IPv4Address("10.0.0.1"))

    assert Resolver(resolve).addresses(NAME, cutoff_of(5)) == (PUBLIC, IPv4Address("10.0.0.1"))
    assert asked == ["example.com"]


def test_an_address_is_not_asked_for() -> None:
    """A host that is an address needs no DNS, and gives DNS no say."""

    def resolve(host: str) -> Sequence[IPAddress]:
        pytest.fail(f"unexpected lookup of {host}")

    url = SourceUrl.parse("http://93.184.216.34/")
    assert Resolver(resolve).addresses(url, cutoff_of(5)) == (PUBLIC,)


@pytest.mark.parametrize(
    "error",
    [socket.gaierror(socket.EAI_NONAME, "Name or service not known"), TimeoutError("dns"), OSError("?")],
)
def test_a_name_that_does_not_resolve_is_unreachable(error: OSError) -> None:
    """Whatever the resolver's error, the source cannot be reached now."""

    def resolve(_: str) -> Sequence[IPAddress]:
        raise error

    with pytest.raises(JobFailure, match=r"example\.com does not resolve") as failure:
        Resolver(resolve).addresses(NAME, cutoff_of(5))
    assert failure.value.reason is FailureReason.SOURCE_UNREACHABLE


def test_a_name_without_addresses_is_unreachable() -> None:
    """An empty answer passes no check and is no address."""
    with pytest.raises(JobFailure) as failure:
        Resolver(lambda _: ()).addresses(NAME, cutoff_of(5))
    assert failure.value.reason is FailureReason.SOURCE_UNREACHABLE


def test_a_fault_of_the_resolver_is_not_hidden() -> None:
    """An error that is none of the network's is ours, and reaches whoever waits."""

    def resolve(_: str) -> Sequence[IPAddress]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Resolver(resolve).addresses(NAME, cutoff_of(5))


def test_a_silent_resolver_ends_at_the_deadline() -> None:
    """DNS is part of the download's time."""
    release = threading.Event()

    def resolve(_: str) -> Sequence[IPAddress]:
        release.wait(10)
        return (PUBLIC,)

    with pytest.raises(JobFailure) as failure:
        Resolver(resolve).addresses(NAME, cutoff_of(0.05))
    release.set()
    assert failure.value.reason is FailureReason.SOURCE_TOO_SLOW


def test_a_silent_resolver_is_left_when_asked_to_stop() -> None:
    """A cancel does not wait for DNS."""
    release, asked = threading.Event(), threading.Event()

    def resolve(_: str) -> Sequence[IPAddress]:
        asked.set()
        release.wait(10)
        return (PUBLIC,)

    with pytest.raises(FetchStopped):
        Resolver(resolve).addresses(NAME, Cutoff(NAME, 10, asked.is_set))
    release.set()


def test_lookups_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs holds so many threads and no more; who comes later waits for one of them."""
    monkeypatch.setattr(resolution, "LOOKUPS_MAX", 1)
    release = threading.Event()
    asked: list[str] = []

    def resolve(host: str) -> Sequence[IPAddress]:
        asked.append(host)
        release.wait(10)
        return (PUBLIC,)

    resolver = Resolver(resolve)
    for _ in range(2):
        with pytest.raises(JobFailure):
            resolver.addresses(NAME, cutoff_of(0.05))
    assert len(asked) == 1
    release.set()
    assert resolver.addresses(NAME, cutoff_of(10)) == (PUBLIC,)


def test_this_hosts_own_address_is_known() -> None:
    """The routing table tells own addresses from others, without a packet."""
    assert is_own_address(IPv4Address("127.0.0.1"))
    assert not is_own_address(IPv4Address("255.255.255.254"))
    assert not is_own_address(PUBLIC)
