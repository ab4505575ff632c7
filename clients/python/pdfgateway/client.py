"""The client for programs with threads."""

import threading
import uuid
from collections import deque
from collections.abc import Callable, Generator, Mapping
from types import TracebackType
from typing import Protocol, Self, TypeVar

import grpc

from pdfgateway.channel import DEFAULT_ADDRESS, call_metadata, open_channel
from pdfgateway.channel_pool import ChannelPool
from pdfgateway.errors import JobAlreadyFinished, PDFGatewayError
from pdfgateway.job import Job, JobState
from pdfgateway.job_message import job_from_message
from pdfgateway.long_poll import bounded_wait_seconds, status_request
from pdfgateway.retry import CallRetries
from pdfgateway.rpc_errors import error_from_rpc
from pdfgateway.submission import PDFSource, read_source, submit_request
from pdfgateway.v1.pdf_gateway_service_pb2 import CancelJobRequest, WatchStatusResponse
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from pdfgateway.watching import SILENCE_SECONDS_MAX, WatchLimits, WatchState

Response = TypeVar("Response")


class PDFGatewayClient:
    """A client of one gateway; safe for threads, and to be closed after use.

        with PDFGatewayClient("localhost:9000") as client:
            job = client.submit("https://example.com/paper.pdf")
            for job in client.watch(job.id):
                print(job.state, job.progress)

    Its methods raise the subclasses of PDFGatewayError listed in `pdfgateway.errors`, never gRPC's
    exceptions, and RuntimeError once the client is closed. All of them are safe to repeat, and are repeated
    with backoff, within their time, while the gateway does not answer.
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
        """Make a client; it connects when it is first used.

        Args:
            address: host and port of the gateway's gRPC side.
            timeout_seconds: how long each call may take with all its repetitions; of a watch, its first
                answer.
            outage_seconds_max: how long a watch that was once answered tries to come back after it broke.
            tls: True to verify the gateway's certificate against the system's authorities, or credentials
                of your own.
            metadata: sent with every call, such as an authorization for what stands before the gateway.
        """
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._outage_seconds_max = outage_seconds_max
        self._metadata = call_metadata(metadata)
        self._channels = ChannelPool(lambda: open_channel(address, tls))
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; calls that are open in other threads end with RuntimeError."""
        self._closed.set()
        for channel in self._channels.close():
            channel.close()

    def submit(
        self,
        source: PDFSource,
        *,
        max_summary_paragraphs: int | None = None,
        request_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        deadline_seconds: float | None = None,
        filename: str | None = None,
    ) -> Job:
        """Submit one PDF and return its job at once.

        Args:
            source: a URL (str), a file (a path object such as pathlib.Path), or the PDF itself (bytes, at
                most 4 MiB).
            max_summary_paragraphs: how many paragraphs the summary has at most, 0 to 100; the gateway's
                default is 3.
            request_id: the same id with the same request gives the same job; by default each call has an id
                of its own.
            labels: your own words for the job: at most 32, keys of 1 to 63 and values of at most 255
                characters.
            deadline_seconds: how long the job may take from now to its end; by default there is no limit.
            filename: a name for the content, shown on the job; by default the file's own.

        Raises InvalidArgument, RequestIdReused, ContentTooLarge, Unavailable, DeadlineExceeded or
        InternalError; OSError if the file cannot be read.
        """
        content, path_name = read_source(source)
        request = submit_request(
            content,
            request_id=request_id or str(uuid.uuid4()),
            max_summary_paragraphs=max_summary_paragraphs,
            labels=labels,
            deadline_seconds=deadline_seconds,
            filename=filename or path_name,
        )

        def attempt(seconds: float) -> Job:
            stub = PDFGatewayServiceStub(self._channels.for_short_call())
            return job_from_message(stub.SubmitPDF(request, timeout=seconds, metadata=self._metadata).job)

        return self._call(attempt, CallRetries(self._timeout_seconds))

    def status(self, job_id: str, *, wait_seconds: float = 0.0) -> Job:
        """Return the job as it is now, or after `wait_seconds`, at most 60, or as soon as it has ended.

        Raises JobNotFound, InvalidArgument, TooManyWatches, Unavailable, DeadlineExceeded or InternalError.
        """
        wait_seconds = bounded_wait_seconds(wait_seconds)

        def attempt(seconds: float) -> Job:
            request = status_request(job_id, min(wait_seconds, seconds - self._timeout_seconds))
            with self._channels.for_long_call() as channel:
                stub = PDFGatewayServiceStub(channel)
                return job_from_message(stub.GetStatus(request, timeout=seconds, metadata=self._metadata).job)

        return self._call(attempt, CallRetries(self._timeout_seconds + wait_seconds))

    def cancel(self, job_id: str) -> Job:
        """End a job that has not ended; return it, CANCELLED or for a moment CANCELLING.

        Raises JobNotFound, JobAlreadyFinished, InvalidArgument, Unavailable, DeadlineExceeded, InternalError.
        """

        def attempt(seconds: float) -> Job:
            stub = PDFGatewayServiceStub(self._channels.for_short_call())
            request = CancelJobRequest(job_id=job_id)
            return job_from_message(stub.CancelJob(request, timeout=seconds, metadata=self._metadata).job)

        retries = CallRetries(self._timeout_seconds)
        try:
            return self._call(attempt, retries)
        except JobAlreadyFinished:
            # An attempt whose answer was lost may be what ended it.
            if retries.failures > 1 and (job := self.status(job_id)).state is JobState.CANCELLED:
                return job
            raise

    def watch(
        self, job_id: str, *, after_seq: int = 0, timeout_seconds: float | None = None
    ) -> Generator[Job, None, None]:
        """Yield the job as it is now, again after each change, and end after its terminal state.

        Each job has a higher seq than the one before. A slow reader misses changes between, never the last
        one. A watch that breaks is resumed by itself. Leave the loop, or close the iterator, to stop
        watching; the job goes on.

        Args:
            job_id: the job's id.
            after_seq: the seq of the last job you know: only newer ones are yielded, and the terminal one.
            timeout_seconds: how long the watch may take; by default as long as the job.

        Raises JobNotFound, InvalidArgument, Unavailable or InternalError after too long an outage, and
        DeadlineExceeded.
        """
        state = WatchState(job_id, after_seq, self._limits(timeout_seconds))
        while not state.finished:
            error: PDFGatewayError | None = None
            try:
                yield from self._stream(state)
            except grpc.RpcError as rpc_error:
                error = error_from_rpc(rpc_error, self._address)
            if not state.finished:
                self._closed.wait(state.pause_seconds_after(error))

    def wait(self, job_id: str, timeout_seconds: float | None = None) -> Job:
        """Return the job when it has ended, however long that takes or until the timeout.

        Raises as `watch` does; DeadlineExceeded if the job has not ended in time, and goes on.
        """
        return deque(self.watch(job_id, timeout_seconds=timeout_seconds), maxlen=1).pop()

    def _limits(self, watch_seconds_max: float | None) -> WatchLimits:
        """Return how long a watch goes on."""
        return WatchLimits(
            watch_seconds_max=watch_seconds_max,
            first_answer_seconds_max=self._timeout_seconds,
            outage_seconds_max=self._outage_seconds_max,
        )

    def _call(self, attempt: Callable[[float], Response], retries: CallRetries) -> Response:
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
