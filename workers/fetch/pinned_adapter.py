"""HTTP by `requests` over a connection that is open already: `requests` itself resolves and dials nothing."""

import socket
from collections.abc import Mapping

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from workers.fetch.source_url import SourceUrl


def _connection_over(opened: socket.socket, target: str) -> type[HTTPConnection]:
    """A class of urllib3's connections that takes an open socket, and asks for this target as it is."""

    class OpenedConnection(HTTPConnection):
        def connect(self) -> None:
            self.sock = opened

        def putrequest(
            self, method: str, url: str, skip_host: bool = False, skip_accept_encoding: bool = False
        ) -> None:
            del url  # the target after urllib3 re-encoded it, by which a signature would become void
            super().putrequest(method, target, skip_host, skip_accept_encoding)

    return OpenedConnection


class PinnedAdapter(HTTPAdapter):
    """A transport of `requests` for one request over one open connection; TLS is the connection's affair.

    It is used without a `Session`: that reads proxies and `.netrc` from the environment, and keeps cookies.
    """

    def __init__(self, url: SourceUrl, opened: socket.socket) -> None:
        super().__init__()
        self._url = url
        self._pool = HTTPConnectionPool(url.host, url.port)
        # For pyright, urllib3's own HTTPConnection does not fit urllib3's own protocol of it.
        self._pool.ConnectionCls = _connection_over(opened, url.target)  # pyright: ignore[reportAttributeAccessIssue]

    def get(self, headers: Mapping[str, str], timeout_seconds: float) -> Response:
        """Ask for the URL; the body is left to be read. Raises requests.RequestException.

        `timeout_seconds` is for one wait for bytes. A redirect is an answer like any other.
        """
        request = PreparedRequest()
        request.prepare_method("GET")
        request.url = self._url.text
        request.prepare_headers({"Host": self._url.authority, **headers})
        return self.send(request, stream=True, timeout=timeout_seconds)

    def get_connection_with_tls_context(self, *_: object, **__: object) -> HTTPConnectionPool:
        """The pool of the one open connection."""
        return self._pool

    def cert_verify(self, *_: object, **__: object) -> None:
        """Nothing: the connection was verified when it was opened."""

    def close(self) -> None:
        """Close what the request left open."""
        self._pool.close()
        super().close()
