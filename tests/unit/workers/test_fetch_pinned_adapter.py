"""The request as it goes over the open connection, byte by byte."""

import socket

import pytest
from requests import RequestException

from workers.fetch.pinned_adapter import PinnedAdapter
from workers.fetch.source_url import SourceUrl


def request_for(url: str, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") -> bytes:
    """What the origin receives when this URL is asked for."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        adapter = PinnedAdapter(SourceUrl.parse(url), ours)
        adapter.get({"User-Agent": "test", "Accept-Encoding": "identity"}, timeout_seconds=1).close()
        adapter.close()
        return theirs.recv(65536)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://example.com/", "example.com"),
        ("https://example.com/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("http://[2001:db8::1]:81/", "[2001:db8::1]:81"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
    ],
)
def test_the_host_header_is_the_urls_authority(url: str, host: str) -> None:
    """RFC 9110, section 7.2, whatever address the connection leads to."""
    assert f"\r\nHost: {host}\r\n".encode() in request_for(url)


@pytest.mark.parametrize(
    "target",
    ["/", "/?", "/a/../b/./c", "//a//b", "/a%2fb%2Fc?sig=a%2Bb%3d&&x=[1]", "/%zz?a?b=/c;d", "/a?@b:c"],
)
def test_the_request_line_has_path_and_query_as_they_were_parsed(target: str) -> None:
    """A signed URL is good only as it was signed: no library in between may improve it."""
    assert request_for("https://example.com" + target).startswith(f"GET {target} HTTP/1.1\r\n".encode())


def test_nothing_is_sent_that_was_not_said() -> None:
    """No header of a library's own."""
    lines = request_for("http://example.com/").decode().split("\r\n")
    assert lines == [
        "GET / HTTP/1.1",
        "Host: example.com",
        "User-Agent: test",
        "Accept-Encoding: identity",
        "",
        "",
    ]


def test_a_connection_serves_one_request() -> None:
    """An answer that is none is not asked for again."""
    with pytest.raises(RequestException):
        request_for("http://example.com/", answer=b"")
