"""A fake gateway's server: its port, TLS and restarts."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import grpc

from pdfgateway.v1.pdf_gateway_service_pb2_grpc import add_PDFGatewayServiceServicer_to_server
from tests.fake_gateway import FakeGateway

CALLS_MAX = 256
STREAMS_PER_CONNECTION_MAX = 100


class FakeServer:
    """Serves a fake gateway on a port of its own, which it keeps over restarts."""

    def __init__(self, gateway: FakeGateway, tls: grpc.ServerCredentials | None = None) -> None:
        self._gateway = gateway
        self._tls = tls
        self._port = 0
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where it listens, or did before it was stopped."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen."""
        options = (("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION_MAX),)
        self._server = grpc.server(ThreadPoolExecutor(CALLS_MAX), options=options)
        add_PDFGatewayServiceServicer_to_server(self._gateway, self._server)
        if self._tls is None:
            self._port = self._server.add_insecure_port(self.address)
        else:
            self._port = self._server.add_secure_port(self.address, self._tls)
        self._server.start()

    def stop(self) -> None:
        """Break all calls and close the port."""
        if self._server is not None:
            self._server.stop(0).wait()
            self._server = None
