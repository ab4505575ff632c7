"""The client for programs with asyncio."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar

import grpc

from pdfgateway.channel import DEFAULT_ADDRESS, call_metadata, open_async_channel
from pdfgateway.channel_pool import ChannelPool
from pdfgateway.errors import JobAlreadyFinished, PDFGatewayError, Unavailable
from pdfgateway.job import Job, JobState
from pdfgateway.job_message import job_from_message
from pdfgateway.long_poll import bounded_wait_seconds, status_request
from pdfgateway.retry import CallRetries
from pdfgateway.rpc_errors import error_from_rpc
from pdfgateway.submission import PDFSource, read_source, submit_request
from pdfgateway.v1.pdf_gateway_service_pb2 import CancelJobRequest
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from pdfgateway.watching import SILENCE_SECONDS_MAX, WatchLimits, WatchState

Response = TypeVar("Response")


class AsyncPDFGatewayClient:
    """As PDFGatewayClient, for asyncio; it belongs to the event loop that it is first used in.

        async with AsyncPDFGatewayClient("localhost:9000") as client:
            job = await client.submit("https://example.com/paper.pdf")
            async for job in client.watch(job.id):
                print(job.state, job.progress)

    Its methods promise and raise what those of PDFGatewayClient do.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        timeout_seconds: float = 10.0,
        outage_seconds_max: float = 120.0,
        tls: bool | grpc.ChannelCredentials = False,
        metadata: Mapping[str, str | bytes] | None = None,
    ) -> None:
        """Make a client, with the arguments of PDFGatewayClient; it connects when it is first used."""
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._outage_seconds_max = outage_seconds_max
        self._metadata = call_metadata(metadata)
        self._channels = ChannelPool(lambda: open_async_channel(address, tls))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls that are open in other tasks end with RuntimeError."""
        for channel in self._channels.close():
            await channel.close()

    async def submit(
        self,
        source: PDFSource,
        *,
        max_summary_paragraphs: int | None = None,
        request_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        deadline_seconds: float | None = None,
        filename: str | None = None,
    ) -> Job:
        """Submit one PDF and return its job at once; see `PDFGatewayClient.submit`."""
        content, path_name = await asyncio.to_thread(read_source, source)
        request = submit_request(
            content,
            request_id=request_id or str(uuid.uuid4()),
            max_summary_paragraphs=max_summary_paragraphs,
            labels=labels,
            deadline_seconds=deadline_seconds,
            filename=filename or path_name,
        )

        async def attempt(seconds: float) -> Job:
            stub = PDFGatewayServiceStub(self._channels.for_short_call())
            response = await _answer(stub.SubmitPDF(request, timeout=seconds, metadata=self._metadata))
            return job_from_message(response.job)

        return await self._call(attempt, CallRetries(self._timeout_seconds))

    async def status(self, job_id: str, *, wait_seconds: float = 0.0) -> Job:
        """Return the job as it is now, or after a wait; see `PDFGatewayClient.status`."""
        wait_seconds = bounded_wait_seconds(wait_seconds)

        async def attempt(seconds: float) -> Job:
            request = status_request(job_id, min(wait_seconds, seconds - self._timeout_seconds))
            with self._channels.for_long_call() as channel:
                stub = PDFGatewayServiceStub(channel)
                response = await _answer(stub.GetStatus(request, timeout=seconds, metadata=self._metadata))
            return job_from_message(response.job)

        return await self._call(attempt, CallRetries(self._timeout_seconds + wait_seconds))

    async def cancel(self, job_id: str) -> Job:
        """End a job that has not ended; see `PDFGatewayClient.cancel`."""

        async def attempt(seconds: float) -> Job:
            stub = PDFGatewayServiceStub(self._channels.for_short_call())
            request = CancelJobRequest(job_id=job_id)
            response = await _answer(stub.CancelJob(request, timeout=seconds, metadata=self._metadata))
            return job_from_message(response.job)

        retries = CallRetries(self._timeout_seconds)
        try:
            return await self._call(attempt, retries)
        except JobAlreadyFinished:
            # An attempt whose answer was lost may be what ended it.
            if retries.failures > 1 and (job := await self.status(job_id)).state is JobState.CANCELLED:
                return job
            raise

    async def watch(
        self, job_id: str, *, after_seq: int = 0, timeout_seconds: float | None = None
    ) -> AsyncGenerator[Job, None]:
        """Yield the job as it is now, again after each change, and end after its terminal state.

        See `PDFGatewayClient.watch`.
        """
        state = WatchState(job_id, after_seq, self._limits(timeout_seconds))
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

    async def wait(self, job_id: str, timeout_seconds: float | None = None) -> Job:
        """Return the job when it has ended; see `PDFGatewayClient.wait`."""
        jobs = self.watch(job_id, timeout_seconds=timeout_seconds)
        job = await anext(jobs)
        async for newer in jobs:
            job = newer
        return job

    def _limits(self, watch_seconds_max: float | None) -> WatchLimits:
        """Return how long a watch goes on."""
        return WatchLimits(
            watch_seconds_max=watch_seconds_max,
            first_answer_seconds_max=self._timeout_seconds,
            outage_seconds_max=self._outage_seconds_max,
        )

    async def _call(self, attempt: Callable[[float], Awaitable[Response]], retries: CallRetries) -> Response:
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
