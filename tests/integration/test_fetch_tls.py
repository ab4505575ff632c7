"""The fetch over TLS: verified against the URL's host although an address is dialled, and never given up."""

import io
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.origin import Origin
from workers.fetch.address_policy import IPAddress
from workers.fetch.cutoff import FetchStopped
from workers.fetch.fetcher import Fetcher
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure
from workers.settings import WorkerSettings

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 2000
LOOPBACK = IPv4Address("127.0.0.1")
NOW = datetime.now(UTC)


class Authority:
    """A certificate authority for these tests."""

    def __init__(self, folder: Path) -> None:
        """Make a key and a certificate, and write the certificate to `file`."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A test's authority")])
        certificate = (
            self._certificate(self._name, self._key, NOW + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, *names: str, until: datetime = NOW + timedelta(days=1)) -> ssl.SSLContext:
        """A server's TLS with a certificate for the names, of which those like 127.0.0.1 are addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        certified = [x509.IPAddress(IPv4Address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
        certificate = (
            self._certificate(subject, key, until)
            .add_extension(x509.SubjectAlternativeName(certified), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = self._folder / f"{names[0]}-{until:%s}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=2))
            .not_valid_after(until)
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the fetches of these tests trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@dataclass
class Https:
    """An https origin known as pdf.test."""

    origin: Origin
    names_asked_for: list[str | None]

    def url(self, path: str) -> str:
        """A path's URL by the origin's name."""
        return self.origin.url(path, "pdf.test")


@pytest.fixture
def https(authority: Authority) -> Iterator[Https]:
    """A running origin with a certificate for pdf.test and 127.0.0.1."""
    names_asked_for: list[str | None] = []
    context = authority.server("pdf.test", "127.0.0.1")
    context.sni_callback = lambda _socket, name, _context: names_asked_for.append(name)
    with Origin(tls=context) as origin:
        yield Https(origin, names_asked_for)


def to_loopback(_: str) -> Sequence[IPAddress]:
    """Every name is this host's."""
    return (LOOPBACK,)


def fetch(
    url: str, authorities_file: Path | None, *, seconds_max: float = 5, stop: threading.Event | None = None
) -> bytes:
    """The bytes at a URL whose host is loopback, whatever its name."""
    into = io.BytesIO()
    settings = WorkerSettings(allow_private_networks=True, fetch_seconds_max=seconds_max)
    Fetcher(settings, to_loopback, authorities_file).fetch(
        SourceUrl.parse(url), into, stop=(stop or threading.Event()).is_set, on_bytes=lambda _: None
    )
    return into.getvalue()


def failure_of(url: str, authorities_file: Path | None, *, seconds_max: float = 5) -> JobFailure:
    """How fetching a URL fails."""
    with pytest.raises(JobFailure) as failure:
        fetch(url, authorities_file, seconds_max=seconds_max)
    return failure.value


def test_a_pdf_arrives_over_tls_by_its_hosts_name(https: Https, authority: Authority) -> None:
    """An address is dialled, but SNI, the certificate and the Host header are the name's."""
    https.origin.serve("/a.pdf", PDF)
    assert fetch(https.url("/a.pdf"), authority.file) == PDF
    assert https.names_asked_for == ["pdf.test"]
    assert https.origin.requests[0].headers["host"] == f"pdf.test:{https.origin.port}"


def test_a_certificate_for_an_address_is_verified(https: Https, authority: Authority) -> None:
    """RFC 9110, section 4.3.5: a host that is an address needs a certificate for it."""
    assert fetch(https.origin.serve("/a.pdf", PDF), authority.file) == PDF


def test_a_certificate_of_an_unknown_authority_is_refused(https: Https) -> None:
    """Nothing is sent to whom nobody vouches for."""
    failure = failure_of(https.url("/a.pdf?SECRET"), None)
    assert failure.reason is FailureReason.SOURCE_TLS_FAILED
    assert "unable to get local issuer certificate" in failure.message
    assert https.origin.requests == []


def test_a_certificate_for_another_name_is_refused(https: Https, authority: Authority) -> None:
    """To have the address is not to have the name."""
    failure = failure_of(https.origin.url("/a.pdf", "other.test"), authority.file)
    assert failure.reason is FailureReason.SOURCE_TLS_FAILED
    assert "Hostname mismatch" in failure.message
    assert https.origin.requests == []


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    """A certificate is good until its end."""
    with Origin(tls=authority.server("pdf.test", until=NOW - timedelta(days=1))) as origin:
        failure = failure_of(origin.url("/a.pdf", "pdf.test"), authority.file)
    assert failure.reason is FailureReason.SOURCE_TLS_FAILED
    assert "certificate has expired" in failure.message


def test_an_origin_without_tls_is_not_asked_without(authority: Authority) -> None:
    """https to a port that speaks http ends there."""
    with Origin() as origin:
        origin.serve("/a.pdf", PDF)
        failure = failure_of(f"https://pdf.test:{origin.port}/a.pdf", authority.file)
        assert failure.reason in {FailureReason.SOURCE_TLS_FAILED, FailureReason.SOURCE_UNREACHABLE}
        assert origin.requests == []


def test_tls_older_than_1_2_is_refused(authority: Authority) -> None:
    """RFC 8996 deprecates TLS 1.0 and 1.1."""
    context = authority.server("pdf.test")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with Origin(tls=context) as origin:
        failure = failure_of(origin.url("/a.pdf", "pdf.test"), authority.file)
    assert failure.reason is FailureReason.SOURCE_TLS_FAILED


def test_a_redirect_to_http_is_forbidden(https: Https, authority: Authority) -> None:
    """TLS that was begun is not given up, and the other origin sees no connection."""
    with Origin() as plain:
        https.origin.redirect("/r", plain.serve("/a.pdf", PDF))
        assert failure_of(https.url("/r"), authority.file).reason is FailureReason.FORBIDDEN_URL
        assert plain.connection_count == 0


def test_a_redirect_to_https_is_followed(https: Https, authority: Authority) -> None:
    """The usual first hop of the web."""
    https.origin.serve("/a.pdf", PDF)
    with Origin() as plain:
        assert fetch(plain.redirect("/r", https.url("/a.pdf")), authority.file) == PDF


def test_a_body_without_end_over_tls_is_a_broken_transfer(https: Https, authority: Authority) -> None:
    """A truncated body is found out as it is without TLS."""
    https.origin.declare_size("/a.pdf", PDF[:1000], len(PDF))
    assert failure_of(https.url("/a.pdf"), authority.file).reason is FailureReason.SOURCE_UNREACHABLE


@pytest.fixture
def mute_port() -> Iterator[int]:
    """The port of a listener that lets the kernel accept, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_silent_handshake_ends_at_the_deadline(mute_port: int, authority: Authority) -> None:
    """The handshake is part of the download's time."""
    failure = failure_of(f"https://pdf.test:{mute_port}/", authority.file, seconds_max=0.4)
    assert failure.reason is FailureReason.SOURCE_TOO_SLOW


def test_a_stop_is_heard_during_the_handshake(mute_port: int, authority: Authority) -> None:
    """A cancel does not wait for an origin that never answers."""
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(FetchStopped):
        fetch(f"https://pdf.test:{mute_port}/", authority.file, stop=stop)


def test_a_silent_body_over_tls_ends_at_the_deadline(https: Https, authority: Authority) -> None:
    """Reading in slices works within TLS records, too."""
    https.origin.silent("/a.pdf", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n%PDF-1.7")
    failure = failure_of(https.url("/a.pdf"), authority.file, seconds_max=0.6)
    assert failure.reason is FailureReason.SOURCE_TOO_SLOW


def test_a_dripping_body_over_tls_ends_at_the_deadline(https: Https, authority: Authority) -> None:
    """No read is slow, but the whole is."""
    https.origin.drip("/a.pdf", PDF, seconds_per_byte=0.02)
    failure = failure_of(https.url("/a.pdf"), authority.file, seconds_max=0.6)
    assert failure.reason is FailureReason.SOURCE_TOO_SLOW


def test_a_handshake_that_breaks_is_unreachable(authority: Authority) -> None:
    """A connection that is closed instead of secured may be better next time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept_and_close() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.close()

        closing = threading.Thread(target=accept_and_close)
        closing.start()
        failure = failure_of(f"https://pdf.test:{listener.getsockname()[1]}/", authority.file)
        closing.join(5)
    assert failure.reason is FailureReason.SOURCE_UNREACHABLE
