"""Whatever bytes an origin answers with, a fetch ends with a PDF or with a job's failure."""

import io
import socket
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.fetch.address_policy import IPAddress
from workers.fetch.cutoff import Cutoff
from workers.fetch.dial import Dialler
from workers.fetch.fetcher import Fetcher
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import JobFailure
from workers.settings import WorkerSettings

URL = SourceUrl.parse("http://93.184.216.34/a.pdf?SECRET")
ANSWER_BYTES_MAX = 2_000


class ScriptedDialler(Dialler):
    """Connects to an origin that has already answered."""

    def __init__(self) -> None:
        """Answer nothing at first."""
        super().__init__()
        self.answer = b""
        self.connections: list[tuple[socket.socket, socket.socket]] = []

    def dial(self, url: SourceUrl, addresses: Sequence[IPAddress], cutoff: Cutoff) -> socket.socket:
        """A connection from which the answer can be read, and then its end."""
        assert (str(url), len(addresses), cutoff.seconds_left > 0) == (str(URL), 1, True)
        ours, theirs = socket.socketpair()
        theirs.sendall(self.answer)
        theirs.shutdown(socket.SHUT_WR)
        self.connections.append((ours, theirs))
        return ours


@pytest.fixture(scope="module")
def fetcher() -> Fetcher:
    """A fetcher whose origin answers by script."""
    scripted = Fetcher(WorkerSettings(redirects_max=0, pdf_bytes_max=ANSWER_BYTES_MAX))
    scripted._dialler = ScriptedDialler()
    return scripted


STATUS_LINES = st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/1.1 302 x", b"HTTP/1.1 100 C"]) | st.binary(
    max_size=20
)
HEADERS = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 20",
            b"Content-Length: -1",
            b"Content-Length: 1, 2",
            b"Content-Length: 99999999999999999999999",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Content-Encoding: gzip",
            b"Content-Type: text/\xff",
            b"Location: //\xff[",
            b"Location: /a.pdf",
            b"Set-Cookie: \xff=\x00; Domain=.; Expires=never",
            b"no colon",
            b": no name",
            b" folded",
        ]
    )
    | st.binary(max_size=20),
    max_size=5,
)
BODIES = st.lists(
    st.sampled_from([b"%PDF-1.7\n", b"9\r\n%PDF-1.7\n\r\n", b"0\r\n\r\n", b"-5\r\n", b"1_0\r\n", b"fffffffffffff\r\n"])
    | st.binary(max_size=30),
    max_size=6,
).map(b"".join)


@settings(deadline=None)  # it waits for sockets, and those for a busy machine
@given(status_line=STATUS_LINES, headers=HEADERS, body=BODIES)
def test_any_answer_ends_with_a_pdf_or_a_failure(
    fetcher: Fetcher, status_line: bytes, headers: list[bytes], body: bytes
) -> None:
    """Nothing else is raised, nothing written that is no PDF, no query quoted, and no connection left open."""
    dialler = fetcher._dialler
    assert isinstance(dialler, ScriptedDialler)
    dialler.answer = b"\r\n".join([status_line, *headers, b"", body])
    into, failure = io.BytesIO(), None
    try:
        fetcher.fetch(URL, into, stop=lambda: False, on_bytes=lambda _: None)
    except JobFailure as raised:
        failure = raised
    finally:
        ours, theirs = dialler.connections.pop()
        theirs.close()
    assert ours.fileno() == -1
    assert failure is not None or into.getvalue()
    assert b"%PDF-" in into.getvalue() or not into.getvalue()
    assert "SECRET" not in str(failure)
