"""How the async client calls its gateway: over which channel, for how long, and how often."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

import grpc

from pdfgateway.channel import call_metadata, open_async_channel
from pdfgateway.channel_pool import ChannelPool
from pdfgateway.errors import PDFGatewayError, Unavailable
from pdfgateway.job import Job
from pdfgateway.retry import CallRetries
from pdfgateway.rpc_errors import error_from_rpc
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from pdfgateway.watching import SILENCE_SECONDS_MAX, WatchLimits, WatchState

if TYPE_CHECKING:
    # At run time one class is both stubs.
    from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceAsyncStub

Request = TypeVar("Request")
Response = TypeVar("Response")


class AsyncCalls:
    """As Calls, for asyncio; they belong to the event loop that they are first made in."""

    def __init__(
        self, address: str, tls: bool | grpc.ChannelCredentials, metadata: Mapping[str, str | bytes] | None
    ) -> None:
        """Connect when the first call is made."""
        self._address = address
        self._metadata = call_metadata(metadata)
        self._channels = ChannelPool(lambda: open_async_channel(address, tls))

    async def close(self) -> None:
        """Close the connections; calls that are open in other tasks end with RuntimeError."""
        for channel in self._channels.close():
            await channel.close()

    async def short(
        self,
        rpc: "Callable[[PDFGatewayServiceAsyncStub], grpc.aio.UnaryUnaryMultiCallable[Request, Response]]",
        request: Request,
        retries: CallRetries,
    ) -> Response:
        """Make a call that is answered at once."""

        async def attempt(seconds: float) -> Response:
            stub = PDFGatewayServiceStub(self._channels.for_short_call())
            return await _answer(rpc(stub)(request, timeout=seconds, metadata=self._metadata))

        return await self._repeated(attempt, retries)

    async def long(
        self,
        rpc: "Callable[[PDFGatewayServiceAsyncStub], grpc.aio.UnaryUnaryMultiCallable[Request, Response]]",
        request_within: Callable[[float], Request],
        retries: CallRetries,
    ) -> Response:
        """Make a call whose answer may take a while; each attempt's request is made for the seconds that it has."""

        async def attempt(seconds: float) -> Response:
            request = request_within(seconds)
            with self._channels.for_long_call() as channel:
                stub = PDFGatewayServiceStub(channel)
                return await _answer(rpc(stub)(request, timeout=seconds, metadata=self._metadata))

        return await self._repeated(attempt, retries)

    async def watch(self, job_id: str, after_seq: int, limits: WatchLimits) -> AsyncGenerator[Job, None]:
        """Yield a job's changes over as many streams as it takes, and end after its terminal state."""
        state = WatchState(job_id, after_seq, limits)
        while not state.finished:
            error: PDFGatewayError | None = None
            try:
                async with aclosing(self._stream(state)) as jobs:
                    async for job in jobs:
                        yield job
            except grpc.RpcError as rpc_error:
                error = error_from_rpc(rpc_error, self._address)
            except TimeoutError:
                error = Unavailable(f"the gateway at {self._address} was silent for {SILENCE_SECONDS_MAX:g} s")
            if not state.finished:
                await asyncio.sleep(state.pause_seconds_after(error))

    async def _repeated(self, attempt: Callable[[float], Awaitable[Response]], retries: CallRetries) -> Response:
        """Make a call, given the seconds it has left, as often as it takes."""
        while True:
            try:
                return await attempt(retries.remaining_seconds())
            except grpc.RpcError as rpc_error:
                error = error_from_rpc(rpc_error, self._address)
            pause_seconds = retries.pause_seconds_after(error)
            if pause_seconds is None:
                raise error
            await asyncio.sleep(pause_seconds)

    async def _stream(self, state: WatchState) -> AsyncGenerator[Job, None]:
        """Yield the news of one stream, until it ends or breaks, or the job has ended."""
        with self._channels.for_long_call() as channel:
            call = PDFGatewayServiceStub(channel).WatchStatus(
                state.begin_stream(), timeout=state.remaining_seconds(), metadata=self._metadata
            )
            messages = aiter(call)
            try:
                while not state.finished:
                    async with asyncio.timeout(SILENCE_SECONDS_MAX):
                        message = await _answer(anext(messages, None))
                    if message is None:
                        return
                    if (job := state.receive(message)) is not None:
                        yield job
            finally:
                call.cancel()


async def _answer(answer: Awaitable[Response]) -> Response:
    """Await an answer. Raises RuntimeError if the client was closed meanwhile.

    gRPC ends the calls of a closed channel with CancelledError, though nobody has cancelled the task that
    waits for them.
    """
    try:
        return await answer
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("this client is closed") from None
