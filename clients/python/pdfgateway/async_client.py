"""The client for programs with asyncio."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

import grpc

from pdfgateway.async_calls import AsyncCalls
from pdfgateway.channel import DEFAULT_ADDRESS
from pdfgateway.dead_letter import DeadLetter
from pdfgateway.dead_letter_message import dead_letter_from_message
from pdfgateway.errors import JobAlreadyFinished, JobAlreadySucceeded, JobNotFound
from pdfgateway.job import Job, JobState
from pdfgateway.job_message import job_from_message
from pdfgateway.list_requests import dead_letter_filter, list_jobs_request
from pdfgateway.long_poll import bounded_wait_seconds, status_request
from pdfgateway.retry import BULK_SECONDS_MAX, CallRetries
from pdfgateway.submission import PDFSource, read_source, submit_request
from pdfgateway.v1 import pdf_gateway_service_pb2 as service_pb2
from pdfgateway.watching import WatchLimits


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
        self._timeout_seconds = timeout_seconds
        self._outage_seconds_max = outage_seconds_max
        self._calls = AsyncCalls(address, tls, metadata)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; calls that are open in other tasks end with RuntimeError."""
        await self._calls.close()

    async def submit(
        self,
        source: PDFSource,
        *,
        max_summary_paragraphs: int | None = None,
        request_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        deadline_seconds: float | None = None,
        filename: str | None = None,
        reuse_result: bool = False,
        retention_seconds: float | None = None,
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
            reuse_result=reuse_result,
            retention_seconds=retention_seconds,
        )
        response = await self._calls.short(lambda stub: stub.SubmitPDF, request, self._retries())
        return job_from_message(response.job)

    async def status(self, job_id: str, *, wait_seconds: float = 0.0) -> Job:
        """Return the job as it is now, or after a wait; see `PDFGatewayClient.status`."""
        wait_seconds = bounded_wait_seconds(wait_seconds)

        def request_within(seconds: float) -> service_pb2.GetStatusRequest:
            return status_request(job_id, min(wait_seconds, seconds - self._timeout_seconds))

        retries = CallRetries(self._timeout_seconds + wait_seconds)
        response = await self._calls.long(lambda stub: stub.GetStatus, request_within, retries)
        return job_from_message(response.job)

    async def cancel(self, job_id: str) -> Job:
        """End a job that has not ended; see `PDFGatewayClient.cancel`."""
        request, retries = service_pb2.CancelJobRequest(job_id=job_id), self._retries()
        try:
            response = await self._calls.short(lambda stub: stub.CancelJob, request, retries)
        except JobAlreadyFinished:
            # An attempt whose answer was lost may be what ended it.
            if retries.may_have_worked and (job := await self.status(job_id)).state is JobState.CANCELLED:
                return job
            raise
        return job_from_message(response.job)

    def watch(
        self, job_id: str, *, after_seq: int = 0, timeout_seconds: float | None = None
    ) -> AsyncGenerator[Job, None]:
        """Yield the job as it is now, again after each change, and end after its terminal state.

        See `PDFGatewayClient.watch`.
        """
        return self._calls.watch(job_id, after_seq, self._limits(timeout_seconds))

    async def wait(self, job_id: str, timeout_seconds: float | None = None) -> Job:
        """Return the job when it has ended; see `PDFGatewayClient.wait`."""
        jobs = self.watch(job_id, timeout_seconds=timeout_seconds)
        job = await anext(jobs)
        async for newer in jobs:
            job = newer
        return job

    async def jobs(
        self,
        *,
        states: Iterable[JobState] = (),
        labels: Mapping[str, str] | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int = 50,
    ) -> AsyncIterator[Job]:
        """Yield the jobs that are kept, newest first; see `PDFGatewayClient.jobs`."""
        request = list_jobs_request(
            states=states,
            labels=labels,
            created_from=created_from,
            created_before=created_before,
            page_size=page_size,
        )
        while True:
            page = await self._calls.short(lambda stub: stub.ListJobs, request, self._retries())
            for message in page.jobs:
                yield job_from_message(message)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    async def delete(self, job_id: str) -> None:
        """Remove a job that has ended; see `PDFGatewayClient.delete`."""
        request, retries = service_pb2.DeleteJobRequest(job_id=job_id), self._retries()
        try:
            await self._calls.short(lambda stub: stub.DeleteJob, request, retries)
        except JobNotFound:
            # An attempt whose answer was lost may be what removed it.
            if not retries.may_have_worked:
                raise

    async def replay(self, job_id: str) -> Job:
        """Start another run of a job that FAILED or was CANCELLED; see `PDFGatewayClient.replay`."""
        request, retries = service_pb2.ReplayJobRequest(job_id=job_id), self._retries()
        try:
            response = await self._calls.short(lambda stub: stub.ReplayJob, request, retries)
        except JobAlreadySucceeded:
            # An attempt whose answer was lost may have started the run that succeeded; the first run it was not.
            if retries.may_have_worked and (job := await self.status(job_id)).run > 1:
                return job
            raise
        return job_from_message(response.job)

    async def dead_letters(
        self, *, queue: str = "", reason: str = "", before: datetime | None = None
    ) -> AsyncIterator[DeadLetter]:
        """Yield what lies in the dead-letter queues, newest first in each; see `PDFGatewayClient.dead_letters`."""
        request = service_pb2.ListDeadLettersRequest(
            filter=dead_letter_filter(queue=queue, reason=reason, before=before)
        )
        while True:
            page = await self._calls.short(lambda stub: stub.ListDeadLetters, request, self._retries())
            for message in page.dead_letters:
                yield dead_letter_from_message(message)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    async def replay_dead_letters(
        self, queue: str, *, reason: str = "", before: datetime | None = None, timeout_seconds: float = BULK_SECONDS_MAX
    ) -> int:
        """Replay every job whose dead letter matches; see `PDFGatewayClient.replay_dead_letters`."""
        request = service_pb2.ReplayDeadLettersRequest(
            filter=dead_letter_filter(queue=queue, reason=reason, before=before)
        )
        retries = CallRetries(timeout_seconds)
        return (await self._calls.short(lambda stub: stub.ReplayDeadLetters, request, retries)).replayed_count

    async def purge_dead_letters(
        self, queue: str, *, reason: str = "", before: datetime | None = None, timeout_seconds: float = BULK_SECONDS_MAX
    ) -> int:
        """Remove the dead letters that match; see `PDFGatewayClient.purge_dead_letters`."""
        request = service_pb2.PurgeDeadLettersRequest(
            filter=dead_letter_filter(queue=queue, reason=reason, before=before)
        )
        retries = CallRetries(timeout_seconds)
        return (await self._calls.short(lambda stub: stub.PurgeDeadLetters, request, retries)).purged_count

    def _retries(self) -> CallRetries:
        """Return the repetitions of one call."""
        return CallRetries(self._timeout_seconds)

    def _limits(self, watch_seconds_max: float | None) -> WatchLimits:
        """Return how long a watch goes on."""
        return WatchLimits(
            watch_seconds_max=watch_seconds_max,
            first_answer_seconds_max=self._timeout_seconds,
            outage_seconds_max=self._outage_seconds_max,
        )
