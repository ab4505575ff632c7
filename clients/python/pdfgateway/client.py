"""The client for programs with threads."""

import uuid
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

import grpc

from pdfgateway.calls import Calls
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


class PDFGatewayClient:
    """A client of one gateway; safe for threads, and to be closed after use.

        with PDFGatewayClient("localhost:9000") as client:
            job = client.submit("https://example.com/paper.pdf")
            for job in client.watch(job.id):
                print(job.state, job.progress)

    Its methods raise the subclasses of PDFGatewayError listed in `pdfgateway.errors`, never gRPC's
    exceptions, and RuntimeError once the client is closed. All of them are safe to repeat, and are repeated
    with backoff, within their time, while the gateway does not answer or is full.
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
        self._timeout_seconds = timeout_seconds
        self._outage_seconds_max = outage_seconds_max
        self._calls = Calls(address, tls, metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; calls that are open in other threads end with RuntimeError."""
        self._calls.close()

    def submit(
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
            deadline_seconds: how long the job may take from now to its end; by default its retention.
            filename: a name for the content, shown on the job; by default the file's own.
            reuse_result: take the result of an earlier job with the same content and options, if one is kept:
                the job has then SUCCEEDED at once, and names the other one in `reused_job_id`. Not for a URL.
            retention_seconds: how long the job is kept after its end, from a minute to 30 days; by default 7
                days.

        Raises InvalidArgument, RequestIdReused, ContentTooLarge, QueueFull, StoreFull, Unavailable,
        DeadlineExceeded or InternalError; OSError if the file cannot be read.
        """
        content, path_name = read_source(source)
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
        return job_from_message(self._calls.short(lambda stub: stub.SubmitPDF, request, self._retries()).job)

    def status(self, job_id: str, *, wait_seconds: float = 0.0) -> Job:
        """Return the job as it is now, or after `wait_seconds`, at most 60, or as soon as it has ended.

        Raises JobNotFound, InvalidArgument, TooManyWatches, Unavailable, DeadlineExceeded or InternalError.
        """
        wait_seconds = bounded_wait_seconds(wait_seconds)

        def request_within(seconds: float) -> service_pb2.GetStatusRequest:
            return status_request(job_id, min(wait_seconds, seconds - self._timeout_seconds))

        retries = CallRetries(self._timeout_seconds + wait_seconds)
        return job_from_message(self._calls.long(lambda stub: stub.GetStatus, request_within, retries).job)

    def cancel(self, job_id: str) -> Job:
        """End a job that has not ended; return it, CANCELLED or for a moment CANCELLING.

        Raises JobNotFound, JobAlreadyFinished, InvalidArgument, Unavailable, DeadlineExceeded, InternalError.
        """
        request, retries = service_pb2.CancelJobRequest(job_id=job_id), self._retries()
        try:
            return job_from_message(self._calls.short(lambda stub: stub.CancelJob, request, retries).job)
        except JobAlreadyFinished:
            # An attempt whose answer was lost may be what ended it.
            if retries.may_have_worked and (job := self.status(job_id)).state is JobState.CANCELLED:
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
        return self._calls.watch(job_id, after_seq, self._limits(timeout_seconds))

    def wait(self, job_id: str, timeout_seconds: float | None = None) -> Job:
        """Return the job when it has ended, however long that takes or until the timeout.

        Raises as `watch` does; DeadlineExceeded if the job has not ended in time, and goes on.
        """
        return deque(self.watch(job_id, timeout_seconds=timeout_seconds), maxlen=1).pop()

    def jobs(
        self,
        *,
        states: Iterable[JobState] = (),
        labels: Mapping[str, str] | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int = 50,
    ) -> Iterator[Job]:
        """Yield the jobs that are kept, newest first; the gateway is asked for them page by page.

        Args:
            states: jobs in any of these states; by default in all.
            labels: jobs that have all of these labels.
            created_from: jobs accepted then or later; a time with its zone.
            created_before: jobs accepted before; a time with its zone.
            page_size: how many jobs are asked for at a time, 1 to 200.

        Raises InvalidArgument, Unavailable, DeadlineExceeded or InternalError, with the first job or later.
        """
        request = list_jobs_request(
            states=states,
            labels=labels,
            created_from=created_from,
            created_before=created_before,
            page_size=page_size,
        )
        while True:
            page = self._calls.short(lambda stub: stub.ListJobs, request, self._retries())
            yield from map(job_from_message, page.jobs)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def delete(self, job_id: str) -> None:
        """Remove a job that has ended, with its result and all else that belongs to it.

        Raises JobNotFound, JobNotFinished, InvalidArgument, Unavailable, DeadlineExceeded or InternalError.
        """
        request, retries = service_pb2.DeleteJobRequest(job_id=job_id), self._retries()
        try:
            self._calls.short(lambda stub: stub.DeleteJob, request, retries)
        except JobNotFound:
            # An attempt whose answer was lost may be what removed it.
            if not retries.may_have_worked:
                raise

    def replay(self, job_id: str) -> Job:
        """Start another run of a job that FAILED or was CANCELLED; return it, QUEUED.

        It keeps its id and its history. A job that has not ended is returned as it is. If an answer gets lost
        and the new run has failed too before the call is repeated, there is one more run.

        Raises JobNotFound, JobAlreadySucceeded, InvalidArgument, Unavailable, DeadlineExceeded, InternalError.
        """
        request, retries = service_pb2.ReplayJobRequest(job_id=job_id), self._retries()
        try:
            return job_from_message(self._calls.short(lambda stub: stub.ReplayJob, request, retries).job)
        except JobAlreadySucceeded:
            # An attempt whose answer was lost may have started the run that succeeded; the first run it was not.
            if retries.may_have_worked and (job := self.status(job_id)).run > 1:
                return job
            raise

    def dead_letters(
        self, *, queue: str = "", reason: str = "", before: datetime | None = None
    ) -> Iterator[DeadLetter]:
        """Yield what lies in the dead-letter queues, newest first in each; asked for page by page.

        Args:
            queue: `failed_pdfs`, where another attempt might end differently, or `invalid_pdfs`; by default
                the one after the other.
            reason: letters with this reason.
            before: letters that came before; a time with its zone.

        Raises InvalidArgument, Unavailable, DeadlineExceeded or InternalError, with the first letter or later.
        """
        request = service_pb2.ListDeadLettersRequest(
            filter=dead_letter_filter(queue=queue, reason=reason, before=before)
        )
        while True:
            page = self._calls.short(lambda stub: stub.ListDeadLetters, request, self._retries())
            yield from map(dead_letter_from_message, page.dead_letters)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def replay_dead_letters(
        self, queue: str, *, reason: str = "", before: datetime | None = None, timeout_seconds: float = BULK_SECONDS_MAX
    ) -> int:
        """Replay every job whose dead letter matches, and return how many; letters that are no jobs stay.

        A call that fails may have replayed some; repeat it for the others. So does the client after an
        attempt without an answer, and what that one had done is not counted.

        Args:
            queue: `failed_pdfs` or `invalid_pdfs`.
            reason: letters with this reason.
            before: letters that came before; a time with its zone.
            timeout_seconds: how long the call may take with all its repetitions.

        Raises InvalidArgument, Unavailable, DeadlineExceeded or InternalError.
        """
        request = service_pb2.ReplayDeadLettersRequest(
            filter=dead_letter_filter(queue=queue, reason=reason, before=before)
        )
        return self._calls.short(
            lambda stub: stub.ReplayDeadLetters, request, CallRetries(timeout_seconds)
        ).replayed_count

    def purge_dead_letters(
        self, queue: str, *, reason: str = "", before: datetime | None = None, timeout_seconds: float = BULK_SECONDS_MAX
    ) -> int:
        """Remove the dead letters that match, and return how many; their jobs stay as they are.

        Its arguments, what it raises, and what its failure means are as for `replay_dead_letters`.
        """
        request = service_pb2.PurgeDeadLettersRequest(
            filter=dead_letter_filter(queue=queue, reason=reason, before=before)
        )
        return self._calls.short(lambda stub: stub.PurgeDeadLetters, request, CallRetries(timeout_seconds)).purged_count

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
