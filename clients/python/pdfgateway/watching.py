"""What a watch makes of each message and of each end of a stream: pure but for a clock and randomness."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pdfgateway.errors import DeadlineExceeded, InternalError, PDFGatewayError, Unavailable
from pdfgateway.job import Job, JobState
from pdfgateway.job_message import job_from_message
from pdfgateway.retry import Backoff
from pdfgateway.v1 import pdf_gateway_service_pb2

SILENCE_SECONDS_MAX = 30.0
"""A stream silent for so long is dead: the gateway sends a heartbeat every 10 s, and three are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLimits:
    """How long a watch goes on."""

    watch_seconds_max: float | None
    """The whole watch; None for as long as the job takes."""
    first_answer_seconds_max: float
    """Attempts to get a first message at all."""
    outage_seconds_max: float
    """Attempts to get another message once there was one."""


class WatchState:
    """One watch of one job over any number of streams.

    The jobs it lets through have rising seq, and the last one is terminal. A stream that ends before is
    followed by another one, from the last seq on: at once where it told anything new, else after a backoff.
    """

    def __init__(
        self,
        job_id: str,
        after_seq: int,
        limits: WatchLimits,
        *,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin a watch of a job whose seq `after_seq` is known, 0 if none is."""
        self._job_id = job_id
        self._seq = after_seq
        self._limits = limits
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._begin = self._heard = clock()
        self._answered = False
        self._stream_told_news = False
        self._failures = 0
        self._state: JobState | None = None

    @property
    def finished(self) -> bool:
        """Whether the terminal job has come."""
        return self._state is not None and self._state.is_terminal

    def begin_stream(self) -> pdf_gateway_service_pb2.WatchStatusRequest:
        """Return the request for the next stream."""
        self._stream_told_news = False
        return pdf_gateway_service_pb2.WatchStatusRequest(job_id=self._job_id, after_seq=self._seq)

    def remaining_seconds(self) -> float | None:
        """Return how much of the watch's time is left, at least zero; None where it has no limit."""
        if self._limits.watch_seconds_max is None:
            return None
        return max(0.0, self._begin + self._limits.watch_seconds_max - self._clock())

    def receive(self, message: pdf_gateway_service_pb2.WatchStatusResponse) -> Job | None:
        """Take a message; return its job if it is news, None for a heartbeat or a job already known."""
        if message.HasField("job"):
            job = job_from_message(message.job)
            if not self._is_news(job):
                return None
            self._seq, self._state = job.seq, job.state
        else:
            job = None
        self._heard = self._clock()
        self._answered = self._stream_told_news = True
        self._failures = 0
        return job

    def _is_news(self, job: Job) -> bool:
        """Whether a job is newer than the last one; or known before the watch began, but the end of it."""
        return job.seq > self._seq or (job.seq == self._seq and self._state is None and job.is_terminal)

    def pause_seconds_after(self, error: PDFGatewayError | None) -> float:
        """Take the end of a stream, by an error or in good order; return the pause before the next one.

        Raises the error if another stream would not help or the outage is too long, DeadlineExceeded if the
        watch's time is over.
        """
        if error is not None and not (error.retryable or isinstance(error, InternalError)):
            raise error
        if error is None and self._stream_told_news:
            return 0.0
        self._failures += 1
        pause_seconds = self._backoff.pause_seconds(self._failures, error)
        remaining_seconds = self.remaining_seconds()
        if remaining_seconds is not None and pause_seconds >= remaining_seconds:
            raise DeadlineExceeded(self._last_words()) from error
        patience_seconds = self._limits.outage_seconds_max if self._answered else self._limits.first_answer_seconds_max
        if self._clock() + pause_seconds - self._heard > patience_seconds:
            raise error or Unavailable(f"watches of job {self._job_id} end without a word")
        return pause_seconds

    def _last_words(self) -> str:
        """Tell that the watch's time is over, and what was seen of the job."""
        seen = f"it was last seen {self._state}" if self._state is not None else "nothing new was seen of it"
        limit = f"{self._limits.watch_seconds_max:g} s"
        return f"job {self._job_id} has not ended within {limit}; {seen}, and it goes on"
