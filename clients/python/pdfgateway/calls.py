"""How the sync client calls its gateway: over which channel, for how long, and how often."""

import threading
from collections.abc import Callable, Generator, Mapping
from typing import Protocol, TypeVar

import grpc

from pdfgateway.channel import call_metadata, open_channel
from pdfgateway.channel_pool import ChannelPool
from pdfgateway.errors import PDFGatewayError
from pdfgateway.job import Job
from pdfgateway.retry import CallRetries
from pdfgateway.rpc_errors import error_from_rpc
from pdfgateway.v1.pdf_gateway_service_pb2 import WatchStatusResponse
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from pdfgateway.watching import SILENCE_SECONDS_MAX, WatchLimits, WatchState

Request = TypeVar("Request")
Response = TypeVar("Response")


class Calls:
    """The calls of one client to one gateway; safe for threads.

    They are repeated with backoff, within their time, while the gateway does not answer, and raise the
    subclasses of PDFGatewayError, and RuntimeError once they are closed.
    """

    def __init__(
        self, address: str, tls: bool | grpc.ChannelCredentials, metadata: Mapping[str, str | bytes] | None
    ) -> None:
        """Connect when the first call is made."""
        self._address = address
        self._metadata = call_metadata(metadata)
        self._channels = ChannelPool(lambda: open_channel(address, tls))
        self._closed = threading.Event()

    def close(self) -> None:
        """Close the connections; calls that are open in other threads end with RuntimeError."""
        self._closed.set()
        for channel in self._channels.close():
            channel.close()

    def short(
        self,
        rpc: Callable[[PDFGatewayServiceStub], "grpc.UnaryUnaryMultiCallable[Request, Response]"],
        request: Request,
        retries: CallRetries,
    ) -> Response:
        """Make a call that is answered at once."""

        def attempt(seconds: float) -> Response:
            stub = PDFGatewayServiceStub(self._channels.for_short_call())
            return rpc(stub)(request, timeout=seconds, metadata=self._metadata)

        return self._repeated(attempt, retries)

    def long(
        self,
        rpc: Callable[[PDFGatewayServiceStub], "grpc.UnaryUnaryMultiCallable[Request, Response]"],
        request_within: Callable[[float], Request],
        retries: CallRetries,
    ) -> Response:
        """Make a call whose answer may take a while; each attempt's request is made for the seconds that it has."""

        def attempt(seconds: float) -> Response:
            request = request_within(seconds)
            with self._channels.for_long_call() as channel:
                return rpc(PDFGatewayServiceStub(channel))(request, timeout=seconds, metadata=self._metadata)

        return self._repeated(attempt, retries)

    def watch(self, job_id: str, after_seq: int, limits: WatchLimits) -> Generator[Job, None, None]:
        """Yield a job's changes over as many streams as it takes, and end after its terminal state."""
        state = WatchState(job_id, after_seq, limits)
        while not state.finished:
            error: PDFGatewayError | None = None
            try:
                yield from self._stream(state)
            except grpc.RpcError as rpc_error:
                error = error_from_rpc(rpc_error, self._address)
            if not state.finished:
                self._closed.wait(state.pause_seconds_after(error))

    def _repeated(self, attempt: Callable[[float], Response], retries: CallRetries) -> Response:
        """Make a call, given the seconds it has left, as often as it takes."""
        while True:
            try:
                return attempt(retries.remaining_seconds())
            except grpc.RpcError as rpc_error:
                error = error_from_rpc(rpc_error, self._address)
            pause_seconds = retries.pause_seconds_after(error)
            if pause_seconds is None:
                raise error
            self._closed.wait(pause_seconds)

    def _stream(self, state: WatchState) -> Generator[Job, None, None]:
        """Yield the news of one stream, until it ends or breaks, or the job has ended."""
        with self._channels.for_long_call() as channel:
            call = PDFGatewayServiceStub(channel).WatchStatus(
                state.begin_stream(), timeout=state.remaining_seconds(), metadata=self._metadata
            )
            try:
                while not state.finished and (message := _next_message(call)) is not None:
                    if (job := state.receive(message)) is not None:
                        yield job
            finally:
                call.cancel()


class _Stream(Protocol):
    """What is needed of gRPC's call."""

    def __next__(self) -> WatchStatusResponse: ...

    def cancel(self) -> bool: ...


def _next_message(call: _Stream) -> WatchStatusResponse | None:
    """Return the stream's next message, None at its end; cancel, and so break, a stream that is silent."""
    silence = threading.Timer(SILENCE_SECONDS_MAX, call.cancel)
    silence.daemon = True
    silence.start()
    try:
        return next(call, None)
    finally:
        silence.cancel()
