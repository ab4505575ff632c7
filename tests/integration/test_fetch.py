"""The fetch against local origins that behave well, badly and maliciously."""

import errno
import gzip
import io
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address

import pytest

from tests.origin import Origin, unused_port
from workers.fetch import dial, fetcher
from workers.fetch.address_policy import IPAddress
from workers.fetch.cutoff import Cutoff, FetchStopped
from workers.fetch.fetcher import Fetcher
from workers.fetch.resolution import system_resolve
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure
from workers.settings import WorkerSettings

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 2000 + b"\n%%EOF\n"
PUBLIC = IPv4Address("93.184.216.34")
LOOPBACK = IPv4Address("127.0.0.1")
STOP_SECONDS_MAX = 1.0


def settings(**changed: object) -> WorkerSettings:
    """Limits small enough to be met in a test; loopback is allowed unless a test says otherwise."""
    limits: dict[str, object] = {
        "allow_private_networks": True,
        "fetch_seconds_max": 5,
        "pdf_bytes_max": 1_000_000,
    }
    return WorkerSettings.model_validate({**limits, **changed})


@dataclass
class Dns:
    """A resolver that answers by script, name by name, and remembers what it was asked."""

    answers: dict[str, list[list[IPAddress]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str) -> Sequence[IPAddress]:
        """The next answer for a name."""
        self.asked.append(host)
        return self.answers[host].pop(0)


def fetch(
    url: str,
    within: WorkerSettings | None = None,
    resolve: Callable[[str], Sequence[IPAddress]] = system_resolve,
    stop: Callable[[], bool] = lambda: False,
) -> bytes:
    """The bytes at a URL."""
    into = io.BytesIO()
    size_bytes = Fetcher(within or settings(), resolve).fetch(
        SourceUrl.parse(url), into, stop=stop, on_bytes=lambda _: None
    )
    assert size_bytes == len(into.getvalue())
    return into.getvalue()


def failure_of(
    url: str,
    within: WorkerSettings | None = None,
    resolve: Callable[[str], Sequence[IPAddress]] = system_resolve,
) -> JobFailure:
    """How fetching a URL fails."""
    with pytest.raises(JobFailure) as failure:
        fetch(url, within, resolve)
    return failure.value


@pytest.fixture
def origin() -> Iterator[Origin]:
    """An origin on 127.0.0.1."""
    with Origin() as running:
        yield running


@pytest.fixture
def canary(origin: Origin) -> Iterator[Origin]:
    """What nobody may connect to: at the origin's port, so that only the address differs."""
    with Origin("127.0.0.2", origin.port) as running:
        yield running
        assert running.connection_count == 0


def test_a_pdf_arrives_whole(origin: Origin) -> None:
    """What the origin serves is what is written, and the caller sees it grow."""
    url = SourceUrl.parse(origin.serve("/a.pdf", PDF) + "?version=2#page=3")
    into, seen_bytes = io.BytesIO(), list[int]()
    size_bytes = Fetcher(settings()).fetch(url, into, stop=lambda: False, on_bytes=seen_bytes.append)
    assert into.getvalue() == PDF
    assert seen_bytes == sorted(seen_bytes)
    assert seen_bytes[-1] == size_bytes == len(PDF)
    assert [request.target for request in origin.requests] == ["/a.pdf?version=2"]


def test_the_request_says_what_it_must_and_no_more(origin: Origin) -> None:
    """No cookie, no authorization, no referrer: there is nothing to be leaked."""
    fetch(origin.serve("/a.pdf", PDF))
    headers = origin.requests[0].headers
    assert headers["host"] == f"127.0.0.1:{origin.port}"
    assert headers["accept-encoding"] == "identity"
    assert set(headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_a_chunked_pdf_arrives_whole(origin: Origin) -> None:
    """RFC 9112, section 7.1, chunk extensions and trailers included."""
    body = b"".join(b"%x;x=y\r\n%b\r\n" % (len(part), part) for part in (PDF[:7], PDF[7:5000], PDF[5000:]))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert fetch(origin.raw("/a.pdf", head + body + b"0\r\nX: y\r\n\r\n")) == PDF


def test_a_pdf_without_declared_size_arrives_whole(origin: Origin) -> None:
    """RFC 9112, section 6.3: then the end of the connection is the end of the body."""
    assert fetch(origin.raw("/a.pdf", b"HTTP/1.0 200 OK\r\n\r\n" + PDF)) == PDF


def test_a_pdf_arrives_over_ipv6() -> None:
    """An IPv6 literal is dialled, and named in brackets in the Host header."""
    with Origin("::1") as origin:
        assert fetch(origin.serve("/a.pdf", PDF)) == PDF
        assert origin.requests[0].headers["host"] == f"[::1]:{origin.port}"


def test_an_origin_that_recovers_serves_the_next_attempt(origin: Origin) -> None:
    """503 may pass, and the failure says so."""
    url = origin.serve_after_statuses("/a.pdf", [503, 503], PDF)
    for _ in range(2):
        failure = failure_of(url)
        assert failure.reason is FailureReason.SOURCE_UNAVAILABLE
        assert failure.retryable
    assert fetch(url) == PDF


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, FailureReason.SOURCE_NOT_FOUND),
        (403, FailureReason.SOURCE_DENIED),
        (400, FailureReason.SOURCE_REFUSED),
        (429, FailureReason.SOURCE_UNAVAILABLE),
        (302, FailureReason.SOURCE_REFUSED),
    ],
)
def test_a_status_fails_with_its_reason(origin: Origin, status: int, reason: FailureReason) -> None:
    """The message names the URL without its query, and the status."""
    failure = failure_of(origin.serve_status("/a.pdf", status) + "?sig=SECRET")
    assert failure.reason is reason
    assert failure.message == f"http://127.0.0.1:{origin.port}/a.pdf?… answered {status}"


def test_a_page_is_not_a_pdf(origin: Origin) -> None:
    """Many origins say sorry with 200; the message says what was served."""
    failure = failure_of(origin.serve_html("/a.pdf"))
    assert failure.reason is FailureReason.NOT_A_PDF
    assert "it is served as text/html" in failure.message


def test_an_empty_body_is_not_a_pdf(origin: Origin) -> None:
    """Nothing is no PDF."""
    failure = failure_of(origin.serve("/a.pdf", b""))
    assert failure.reason is FailureReason.NOT_A_PDF
    assert "its body is empty" in failure.message


def test_what_is_not_a_pdf_is_not_read_to_its_end(origin: Origin) -> None:
    """The first 1,024 bytes decide, even of a body without end."""
    assert failure_of(origin.endless("/a.pdf", b"<p>" * 400)).reason is FailureReason.NOT_A_PDF


def test_an_endless_body_is_too_large(origin: Origin) -> None:
    """The limit is met while reading, and no byte beyond it is written."""
    into = io.BytesIO()
    with pytest.raises(JobFailure, match=r"is larger than 1,000,000 bytes") as failure:
        Fetcher(settings()).fetch(
            SourceUrl.parse(origin.endless("/a.pdf")), into, stop=lambda: False, on_bytes=lambda _: None
        )
    assert failure.value.reason is FailureReason.TOO_LARGE
    assert len(into.getvalue()) <= 1_000_000


def test_a_body_declared_too_large_is_not_awaited(origin: Origin) -> None:
    """Content-Length alone refuses it, before a byte of the body came."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n"
    assert failure_of(origin.silent("/a.pdf", head)).reason is FailureReason.TOO_LARGE


def test_a_body_that_is_larger_than_declared_is_cut(origin: Origin) -> None:
    """RFC 9112, section 6.3: Content-Length is the end, whatever follows."""
    assert fetch(origin.declare_size("/a.pdf", PDF + b"more", len(PDF))) == PDF


def test_a_body_that_is_smaller_than_declared_is_a_broken_transfer(origin: Origin) -> None:
    """A truncated PDF is never taken for the PDF."""
    failure = failure_of(origin.declare_size("/a.pdf", PDF[:1000], len(PDF)))
    assert failure.reason is FailureReason.SOURCE_UNREACHABLE
    assert failure.retryable


def test_a_chunked_body_without_its_end_is_a_broken_transfer(origin: Origin) -> None:
    """The last chunk is missing."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = head + b"%x\r\n%b\r\n" % (len(PDF), PDF)
    assert failure_of(origin.raw("/a.pdf", answer)).reason is FailureReason.SOURCE_UNREACHABLE


def test_gzip_that_nobody_asked_for_is_undone(origin: Origin) -> None:
    """Some origins keep their files so; what is written is the PDF."""
    url = origin.gzip_bomb("/a.pdf", 10_000)
    assert fetch(url) == b"%PDF-1.7\n" + bytes(10_000)


def test_a_gzip_bomb_is_too_large(origin: Origin) -> None:
    """The limit is on what is decoded, too: 20 kB that decode to 20 MB end at 1 MB."""
    assert failure_of(origin.gzip_bomb("/a.pdf", 20_000_000)).reason is FailureReason.TOO_LARGE


def test_gzip_that_decodes_to_little_is_too_large_as_it_came(origin: Origin) -> None:
    """The limit is on what is received, too: a million bytes may decode to ten."""
    head = b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    answer = head + gzip.compress(b"%PDF-1.7\n") + gzip.compress(b"") * 60_000
    assert failure_of(origin.raw("/a.pdf", answer)).reason is FailureReason.TOO_LARGE


def test_gzip_of_gzip_is_refused(origin: Origin) -> None:
    """Codings upon codings are not undone."""
    url = origin.gzip_bomb("/a.pdf", 1000, coding="gzip, gzip")
    assert failure_of(url).reason is FailureReason.NOT_A_PDF


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000])
def test_what_does_not_speak_http_is_unreachable(origin: Origin, answer: bytes) -> None:
    """An answer that is none ends the attempt, not the worker."""
    assert failure_of(origin.raw("/a.pdf", answer)).reason is FailureReason.SOURCE_UNREACHABLE


def test_a_closed_port_is_unreachable() -> None:
    """The message says what the network said."""
    with unused_port() as port:
        failure = failure_of(f"http://127.0.0.1:{port}/a.pdf")
    assert failure.reason is FailureReason.SOURCE_UNREACHABLE
    assert "Connection refused" in failure.message


def test_the_operating_system_is_asked_for_names(origin: Origin) -> None:
    """`localhost` is in every hosts file; where ::1 comes first, 127.0.0.1 follows it."""
    origin.serve("/a.pdf", PDF)
    assert fetch(origin.url("/a.pdf", "localhost")) == PDF


def test_a_full_disk_is_not_the_origins_fault(origin: Origin) -> None:
    """What cannot be written is raised as it is."""

    class FullDisk(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    url = SourceUrl.parse(origin.serve("/a.pdf", PDF))
    with pytest.raises(OSError, match="No space left") as failure:
        Fetcher(settings()).fetch(url, FullDisk(), stop=lambda: False, on_bytes=lambda _: None)
    assert failure.value.errno == errno.ENOSPC


HALF_ANSWERS = [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n%PDF-1.7"]


@pytest.mark.parametrize("after", HALF_ANSWERS)
def test_a_silent_origin_ends_at_the_deadline(origin: Origin, after: bytes) -> None:
    """Before the answer, within it, and within the body."""
    began_seconds = time.monotonic()
    failure = failure_of(origin.silent("/a.pdf", after), settings(fetch_seconds_max=0.4))
    assert failure.reason is FailureReason.SOURCE_TOO_SLOW
    assert time.monotonic() - began_seconds < 2


def test_a_dripping_origin_ends_at_the_deadline(origin: Origin) -> None:
    """No read is slow, but the whole is: the deadline is for the whole download."""
    url = origin.drip("/a.pdf", PDF, seconds_per_byte=0.02)
    began_seconds = time.monotonic()
    assert failure_of(url, settings(fetch_seconds_max=0.4)).reason is FailureReason.SOURCE_TOO_SLOW
    assert time.monotonic() - began_seconds < 2


def test_redirects_share_one_deadline(origin: Origin) -> None:
    """A ladder of slow redirects does not add up to more time."""

    def slow_redirect(path: str, to: str) -> str:
        def behave(request: object) -> None:
            origin.closing.wait(0.3)
            redirecting(request)

        url = origin.redirect(path, to)
        redirecting: Callable[..., None] = origin.behaviours[path]
        origin.script(path, behave)
        return url

    url = slow_redirect("/1", slow_redirect("/2", slow_redirect("/3", origin.serve("/a.pdf", PDF))))
    assert failure_of(url, settings(fetch_seconds_max=0.5)).reason is FailureReason.SOURCE_TOO_SLOW


@pytest.fixture
def full_backlog() -> Iterator[int]:
    """The port of a listener that accepts nobody: its queue is full, and further connections hang."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
        for client in waiting:
            client.close()


def test_a_connection_that_is_never_answered_ends_at_the_deadline(full_backlog: int) -> None:
    """Connecting is part of the download's time."""
    failure = failure_of(f"http://127.0.0.1:{full_backlog}/", settings(fetch_seconds_max=0.4))
    assert failure.reason is FailureReason.SOURCE_TOO_SLOW


def test_a_stop_is_heard_while_connecting(full_backlog: int) -> None:
    """A cancel does not wait for the network's patience."""
    stopped = threading.Event()
    threading.Timer(0.1, stopped.set).start()
    began_seconds = time.monotonic()
    with pytest.raises(FetchStopped):
        fetch(f"http://127.0.0.1:{full_backlog}/", stop=stopped.is_set)
    assert time.monotonic() - began_seconds < 0.1 + STOP_SECONDS_MAX


@pytest.mark.parametrize("after", HALF_ANSWERS)
def test_a_stop_is_heard_while_the_origin_is_silent(origin: Origin, after: bytes) -> None:
    """A cancel ends the download within a second, whatever the origin does."""
    url = origin.silent("/a.pdf", after)
    began_seconds = time.monotonic()
    with pytest.raises(FetchStopped):
        fetch(url, stop=lambda: bool(origin.requests))
    assert time.monotonic() - began_seconds < STOP_SECONDS_MAX


def test_a_stop_is_heard_while_bytes_flow(origin: Origin) -> None:
    """A busy origin hides no cancel."""
    url = SourceUrl.parse(origin.endless("/a.pdf"))
    written: list[int] = []
    with pytest.raises(FetchStopped):
        Fetcher(settings(pdf_bytes_max=10**9)).fetch(
            url, io.BytesIO(), stop=lambda: len(written) > 2, on_bytes=written.append
        )


def test_redirects_are_followed_as_often_as_allowed(origin: Origin) -> None:
    """Three by default."""
    assert fetch(origin.redirect_ladder("/r", 3, origin.serve("/a.pdf", PDF))) == PDF


def test_one_redirect_too_many_is_too_many(origin: Origin) -> None:
    """The fourth is not followed: its target is never asked."""
    failure = failure_of(origin.redirect_ladder("/r", 4, origin.serve("/a.pdf", PDF)))
    assert failure.reason is FailureReason.TOO_MANY_REDIRECTS
    assert len(origin.requests) == 4


def test_redirects_can_be_forbidden(origin: Origin) -> None:
    """None are followed when none are allowed."""
    url = origin.redirect("/r", origin.serve("/a.pdf", PDF))
    assert failure_of(url, settings(redirects_max=0)).reason is FailureReason.TOO_MANY_REDIRECTS


def test_nothing_follows_a_redirect_to_another_origin(origin: Origin) -> None:
    """Neither the cookie that was set on the way, nor where it came from."""
    with Origin() as other:
        other.serve("/a.pdf", PDF)
        assert fetch(origin.redirect("/r", other.url("/a.pdf"))) == PDF
        assert set(other.requests[0].headers) == set(origin.requests[0].headers)
        assert not {"cookie", "authorization", "referer"} & set(other.requests[0].headers)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://2130706433/"]
)
def test_a_redirect_to_what_is_no_source_is_forbidden(origin: Origin, location: str) -> None:
    """A Location is parsed as strictly as a submitted URL."""
    assert failure_of(origin.redirect("/r", location)).reason is FailureReason.FORBIDDEN_URL


def test_each_hop_is_resolved_exactly_once(origin: Origin) -> None:
    """What was checked is what is dialled: nobody asks DNS again."""
    origin.redirect("/1", f"http://two.test:{origin.port}/2")
    origin.redirect("/2", f"http://one.test:{origin.port}/a.pdf")
    origin.serve("/a.pdf", PDF)
    dns = Dns({"one.test": [[LOOPBACK], [LOOPBACK]], "two.test": [[LOOPBACK]]})
    assert fetch(f"http://one.test:{origin.port}/1", resolve=dns) == PDF
    assert dns.asked == ["one.test", "two.test", "one.test"]
    assert [request.headers["host"].partition(":")[0] for request in origin.requests] == dns.asked


def test_a_name_that_changes_its_address_is_dialled_where_it_was_checked(origin: Origin, canary: Origin) -> None:
    """DNS rebinding: the second answer, which leads elsewhere, is never asked for."""
    origin.serve("/a.pdf", PDF)
    canary.serve("/a.pdf", PDF)
    dns = Dns({"rebind.test": [[LOOPBACK], [IPv4Address(canary.host)]]})
    assert fetch(f"http://rebind.test:{origin.port}/a.pdf", resolve=dns) == PDF
    assert dns.asked == ["rebind.test"]


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch, origin: Origin) -> list[IPAddress]:
    """Public addresses lead to the origin; gives the list of all that were dialled."""
    dialled: list[IPAddress] = []
    connected = dial._connected

    def simulated(address: IPAddress, _: int, seconds_max: float, cutoff: Cutoff) -> dial._SlicedSocket:
        dialled.append(address)
        return connected(LOOPBACK if address == PUBLIC else address, origin.port, seconds_max, cutoff)

    monkeypatch.setattr(dial, "_connected", simulated)
    monkeypatch.setattr(fetcher, "is_own_address", lambda _: False)
    return dialled


STRICT = settings(allow_private_networks=False)


def test_public_then_loopback_is_resolved_once_and_dialled_once(origin: Origin, internet: list[IPAddress]) -> None:
    """The classic rebinding against the default policy."""
    origin.serve("/a.pdf", PDF)
    dns = Dns({"rebind.test": [[PUBLIC], [LOOPBACK]]})
    assert fetch("http://rebind.test/a.pdf", STRICT, dns) == PDF
    assert dns.asked == ["rebind.test"]
    assert internet == [PUBLIC]


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
def test_one_forbidden_address_among_public_ones_forbids_all(internet: list[IPAddress], inner: str) -> None:
    """A mixed answer is refused before anything is dialled, whatever its order."""
    for answer in ([PUBLIC, ip_address(inner)], [ip_address(inner), PUBLIC]):
        failure = failure_of("http://mixed.test/", STRICT, Dns({"mixed.test": [answer]}))
        assert failure.reason is FailureReason.FORBIDDEN_URL
        assert inner not in failure.message
    assert internet == []


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:6379/",
        "http://localhost:8265/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/iam/",
        "http://inner.test/",
        "//inner.test/",
    ],
)
def test_cve_2026_42595_a_redirect_is_checked_like_the_first_url(
    origin: Origin, internet: list[IPAddress], location: str
) -> None:
    """Gotenberg checked the first URL only (GHSA-chwh-f6gm-r836)."""
    origin.redirect("/r", location)
    dns = Dns({"outer.test": [[PUBLIC]], "inner.test": [[IPv4Address("10.0.0.1")]], "localhost": [[LOOPBACK]]})
    failure = failure_of("http://outer.test/r", STRICT, dns)
    assert failure.reason is FailureReason.FORBIDDEN_URL
    assert internet == [PUBLIC]


def test_ghsa_pjrr_and_pcrp_a_fetch_without_settings_reaches_nothing_private(origin: Origin) -> None:
    """Gotenberg's downloads and webhooks did (GHSA-pjrr-jgp4-v2fm, GHSA-pcrp-7g9h-7qhp)."""
    failure = failure_of(origin.serve("/a.pdf", PDF), WorkerSettings())
    assert failure.reason is FailureReason.FORBIDDEN_URL
    assert origin.connection_count == 0


def test_this_hosts_public_address_is_forbidden(internet: list[IPAddress], monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway's own ports, Redis's and Ray's among them, are not reached by its public address either."""
    monkeypatch.setattr(fetcher, "is_own_address", lambda address: address == PUBLIC)
    failure = failure_of("http://own.test/", STRICT, Dns({"own.test": [[PUBLIC]]}))
    assert failure.reason is FailureReason.FORBIDDEN_URL
    assert internet == []


def test_the_next_address_is_tried_when_one_does_not_accept(origin: Origin) -> None:
    """A name with a dead address still serves."""
    origin.serve("/a.pdf", PDF)
    dead = [IPv4Address("127.0.0.2"), IPv4Address("127.0.0.3")]
    dns = Dns({"some.test": [[*dead, LOOPBACK]]})
    assert fetch(f"http://some.test:{origin.port}/a.pdf", resolve=dns) == PDF


def test_no_more_addresses_are_tried_than_allowed(origin: Origin) -> None:
    """A name with a hundred dead addresses does not take a hundred attempts."""
    dead = [IPv4Address("127.0.0.2") + offset for offset in range(dial.ADDRESSES_DIALLED_MAX)]
    dns = Dns({"many.test": [[*dead, LOOPBACK]]})
    failure = failure_of(f"http://many.test:{origin.port}/", resolve=dns)
    assert failure.reason is FailureReason.SOURCE_UNREACHABLE
    assert origin.connection_count == 0


def test_a_connection_that_leads_elsewhere_is_not_used(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer must be the address that was checked; otherwise nothing is sent to it."""
    monkeypatch.setattr(dial._SlicedSocket, "getpeername", lambda _: ("10.0.0.1", 80))
    assert failure_of(origin.serve("/a.pdf", PDF)).reason is FailureReason.SOURCE_UNREACHABLE
    assert origin.requests == []


def test_proxies_and_passwords_of_the_environment_are_ignored(
    origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A proxy resolves by itself, and `.netrc` sends the operator's password to whom the client names."""
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text("machine 127.0.0.1 login operator password SECRET\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / ".netrc"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Origin() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        assert fetch(origin.serve("/a.pdf", PDF)) == PDF
        assert proxy.connection_count == 0
    assert "authorization" not in origin.requests[0].headers


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 302 Found\r\nLocation: http://u:SECRET@x/\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nno colon here\r\nLocation: http://x/?sig=SECRET\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 500 Oh SECRET\r\n\r\n",
        b"nothing like HTTP",
    ],
)
def test_secrets_of_the_url_are_in_no_log_and_no_traceback(
    origin: Origin, caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    """The query is what signs a URL: neither our words nor the library's repeat it."""
    caplog.set_level(logging.DEBUG)
    failure = failure_of(origin.raw("/a.pdf", answer) + "?sig=SECRET")
    assert origin.requests[0].target == "/a.pdf?sig=SECRET"
    assert "SECRET" not in caplog.text
    assert "SECRET" not in "".join(traceback.format_exception(failure))
    assert "SECRET" not in repr(failure.args)
