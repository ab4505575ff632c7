"""A small HTTP origin on loopback with scripted paths: what tests fetch from instead of the internet."""

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6, socket
from types import TracebackType
from typing import Any, Self

CLOSE_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came: its target and its headers, names in lower case."""

    target: str
    headers: dict[str, str]


Behaviour = Callable[["_Handler"], None]


class _Handler(BaseHTTPRequestHandler):
    """Answers by the script of the path; one request per connection."""

    timeout = CLOSE_SECONDS_MAX

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        origin = self.server.origin
        headers = {name.lower(): value for name, value in self.headers.items()}
        origin.requests.append(ReceivedRequest(self.path, headers))
        behaviour = origin.behaviours.get(self.path.partition("?")[0])
        if behaviour is None:
            self.answer(404, b"no such path", "text/plain")
        else:
            behaviour(self)
        self.close_connection = True

    def answer(self, status: int, body: bytes, content_type: str, **headers: str) -> None:
        """A whole answer. Header names are written with _ for -."""
        self.begin(status, content_type, Content_Length=str(len(body)), **headers)
        self.wfile.write(body)

    def begin(self, status: int, content_type: str, **headers: str) -> None:
        """Status line and headers."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, origin: "Origin", host: str, port: int) -> None:
        if ":" in host:
            self.address_family = AF_INET6
        self.origin = origin
        super().__init__((host, port), _Handler)

    def get_request(self) -> tuple[socket, Any]:
        connection, address = super().get_request()
        self.origin.connection_count += 1
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        tls = self.origin.tls
        if tls is None:
            super().finish_request(request, client_address)
            return
        with tls.wrap_socket(request, server_side=True) as secured:  # here, so that it blocks this client only
            super().finish_request(secured, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients break connections in these tests; nothing to say."""


class Origin:
    """An origin, listening while its `with` block lasts.

    Each method that scripts a path returns the path's URL, on this origin's host:

        with Origin() as origin:
            url = origin.serve("/a.pdf", pdf_bytes)
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Listen on `host`; port 0 is any free one. With `tls`, speak https."""
        self.host = host
        self.tls = tls
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[ReceivedRequest] = []
        self.connection_count = 0
        self.closing = threading.Event()
        self._server = _Server(self, host, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="origin")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(CLOSE_SECONDS_MAX)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def url(self, path: str, host: str | None = None) -> str:
        """The URL of a path, on this origin's address or by another name for it."""
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.tls else 'http'}://{name}:{self.port}{path}"

    def script(self, path: str, behaviour: Behaviour) -> str:
        """Answer the path by any function of the request's handler."""
        self.behaviours[path] = behaviour
        return self.url(path)

    def serve(self, path: str, body: bytes, content_type: str = "application/pdf", **headers: str) -> str:
        """200 with a body."""
        return self.script(path, lambda request: request.answer(200, body, content_type, **headers))

    def serve_html(self, path: str) -> str:
        """200 with a page that says something went wrong, as many origins answer instead of 404."""
        return self.serve(path, b"<!doctype html><title>Sorry</title><p>Not here.", "text/html; charset=utf-8")

    def serve_status(self, path: str, status: int, **headers: str) -> str:
        """A status with a short body."""
        return self.script(path, lambda request: request.answer(status, b"because\n", "text/plain", **headers))

    def serve_after_statuses(self, path: str, statuses: list[int], body: bytes) -> str:
        """Each status once, in order, then 200 with the body."""
        left = iter(statuses)

        def behave(request: _Handler) -> None:
            status = next(left, 200)
            request.answer(status, body if status == 200 else b"", "application/pdf")

        return self.script(path, behave)

    def redirect(self, path: str, location: str, status: int = 302) -> str:
        """A redirect. It sets a cookie too, which nobody should send back."""
        return self.serve_status(path, status, Location=location, Set_Cookie="session=taken; Path=/")

    def redirect_ladder(self, path: str, redirect_count: int, to: str) -> str:
        """As many redirects, the last of which leads to `to`."""
        for rung in range(redirect_count, 0, -1):
            to = self.redirect(path if rung == 1 else f"{path}/{rung}", to)
        return to

    def drip(self, path: str, body: bytes, seconds_per_byte: float) -> str:
        """200 with a body that comes byte by byte."""

        def behave(request: _Handler) -> None:
            request.begin(200, "application/pdf", Content_Length=str(len(body)))
            for byte in body:
                if self.closing.wait(seconds_per_byte):
                    return
                request.wfile.write(bytes([byte]))

        return self.script(path, behave)

    def serve_in_halves(self, path: str, body: bytes, pause_seconds: float) -> str:
        """200 with a body of which the second half comes after a pause."""
        half = len(body) // 2

        def behave(request: _Handler) -> None:
            request.begin(200, "application/pdf", Content_Length=str(len(body)))
            request.wfile.write(body[:half])
            if not self.closing.wait(pause_seconds):
                request.wfile.write(body[half:])

        return self.script(path, behave)

    def endless(self, path: str, beginning: bytes = b"%PDF-1.7\n") -> str:
        """200 with a chunked body that never ends."""

        def behave(request: _Handler) -> None:
            request.protocol_version = "HTTP/1.1"
            request.begin(200, "application/pdf", Transfer_Encoding="chunked")
            block = beginning
            while not self.closing.is_set():
                request.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
                block = bytes(64 * 1024)

        return self.script(path, behave)

    def gzip_bomb(self, path: str, decoded_bytes: int, coding: str = "gzip") -> str:
        """200 with a body that decodes to a PDF's header and zeros, a thousand times its size."""
        body = gzip.compress(b"%PDF-1.7\n" + bytes(decoded_bytes), mtime=0)
        return self.serve(path, body, Content_Encoding=coding)

    def declare_size(self, path: str, body: bytes, declared_bytes: int) -> str:
        """200 with a body of another size than its Content-Length says; then the connection is closed."""

        def behave(request: _Handler) -> None:
            request.begin(200, "application/pdf", Content_Length=str(declared_bytes))
            request.wfile.write(body)

        return self.script(path, behave)

    def silent(self, path: str, after: bytes = b"") -> str:
        """Nothing after these bytes, with the connection left open."""

        def behave(request: _Handler) -> None:
            request.wfile.write(after)
            request.wfile.flush()
            self.closing.wait()

        return self.script(path, behave)

    def raw(self, path: str, answer: bytes) -> str:
        """These very bytes as the answer."""

        def behave(request: _Handler) -> None:
            request.wfile.write(answer)

        return self.script(path, behave)


@contextmanager
def unused_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that refuses connections, since it is bound and nobody listens."""
    with socket() as bound:
        bound.bind((host, 0))
        yield int(bound.getsockname()[1])
