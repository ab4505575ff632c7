"""Reading untrusted PDFs within limits, each in a process of its own."""

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from workers.extract.events import Event, Finished
from workers.jobs.failure import FailureReason, JobFailure
from workers.sandbox.exit_failure import exit_failure
from workers.sandbox.frames import FrameBuffer
from workers.sandbox.reading_process import ReadingProcess, ZygoteHangs
from workers.sandbox.request import ReadRequest
from workers.sandbox.time_limit import reading_seconds_max
from workers.sandbox.transcript import Transcript
from workers.sandbox.zygote_process import ZygoteGone, ZygoteProcess
from workers.settings import WorkerSettings

STOP_POLL_SECONDS = 0.1
"""The longest time between two questions whether to stop."""

logger = logging.getLogger(__name__)


class SandboxStopped(Exception):
    """The caller asked the reading to stop, or closed the sandbox, and it did."""


class Sandbox:
    """Reads PDFs for any number of threads. One warm process, the zygote, forks another for each document."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Start the zygote, which will be warm when the first document comes."""
        self._settings = settings
        self._lock = threading.Lock()
        self._closed = False
        self._zygote = ZygoteProcess()
        self._missing_protections: tuple[str, ...] = ()

    def read(self, document: BinaryIO, *, stop: Callable[[], bool]) -> Generator[Event, None, None]:
        """Read `document`, a file with a descriptor, from its start; yield each event as soon as it is known.

        `stop` is asked every STOP_POLL_SECONDS. However the iteration ends, by an exception or by closing it too,
        the process that read the document has ended then. Time that the caller takes between two events does not
        count.

        Raises SandboxStopped when `stop` says True, and JobFailure: ENCRYPTED, CORRUPT, UNSUPPORTED, TOO_MANY_PAGES,
        MEMORY_LIMIT, TIME_LIMIT, OUTPUT_LIMIT, PARSER_CRASHED, INTERNAL.
        """
        settings = self._settings
        transcript = Transcript(pages_max=settings.pages_max, text_bytes_max=settings.text_bytes_max)
        with self._process_for(document) as process:
            reading = _Reading(process, stop)
            seconds_used = 0.0
            while True:
                seconds_max = reading_seconds_max(transcript.page_count or 0, settings.job_seconds_max)
                began = time.monotonic()
                payload = reading.next_payload(min(settings.page_seconds_max, seconds_max - seconds_used))
                seconds_used += time.monotonic() - began
                if payload is None:
                    raise _time_limit(seconds_used, seconds_max, settings.page_seconds_max)
                event = transcript.accept(payload)
                if event is None:
                    self._report(transcript.missing_protections or ())
                    continue
                yield event
                if isinstance(event, Finished):
                    return

    def close(self) -> None:
        """End the zygote and all reading. Documents that are being read raise SandboxStopped."""
        with self._lock:
            self._closed = True
            self._zygote.close()

    @contextmanager
    def _process_for(self, document: BinaryIO) -> Iterator[ReadingProcess]:
        document_fd = _reopened(document)
        try:
            zygote, process = self._fork(document_fd)
        finally:
            os.close(document_fd)
        try:
            yield process
        except JobFailure:
            if self._closed:
                raise SandboxStopped from None
            raise
        finally:
            try:
                process.end()
            except ZygoteHangs:
                logger.warning("The zygote does not answer; it is killed.")
                with self._lock:
                    zygote.kill()

    def _fork(self, document_fd: int) -> tuple[ZygoteProcess, ReadingProcess]:
        request = ReadRequest(
            pages_max=self._settings.pages_max,
            cpu_seconds_max=math.ceil(self._settings.job_seconds_max),
            memory_bytes_max=self._settings.sandbox_memory_bytes_max,
        )
        with self._lock:
            if self._closed:
                raise SandboxStopped
            try:
                return self._zygote, self._zygote.fork(document_fd, request)
            except ZygoteGone as gone:
                logger.warning("The zygote is gone (%s); another one is started.", gone)
            self._zygote.kill()
            self._zygote = ZygoteProcess()
            try:
                return self._zygote, self._zygote.fork(document_fd, request)
            except ZygoteGone as gone:
                raise JobFailure(
                    FailureReason.INTERNAL, f"no process could be started to read the PDF: {gone}"
                ) from None

    def _report(self, missing_protections: tuple[str, ...]) -> None:
        """Say once what this system lacks."""
        if missing_protections != self._missing_protections:
            self._missing_protections = missing_protections
            logger.warning("PDFs are read without these protections: %s", ", ".join(missing_protections))


class _Reading:
    """Waiting for what one process tells."""

    def __init__(self, process: ReadingProcess, stop: Callable[[], bool]) -> None:
        self._process = process
        self._stop = stop
        self._stop_asked_at = -math.inf
        self._frames = FrameBuffer()

    def next_payload(self, seconds_max: float) -> bytes | None:
        """The next frame's payload, None if none comes in `seconds_max`.

        Raises SandboxStopped, or JobFailure if the process ends instead.
        """
        deadline = time.monotonic() + seconds_max
        while True:
            self._ask_stop()
            payload = self._frames.next_payload()
            seconds_left = deadline - time.monotonic()
            if payload is not None or seconds_left <= 0:
                return payload
            chunk = self._process.read(min(seconds_left, STOP_POLL_SECONDS))
            if chunk == b"":
                raise exit_failure(self._process.wait())
            self._frames.add(chunk or b"")

    def _ask_stop(self) -> None:
        now = time.monotonic()
        if now - self._stop_asked_at >= STOP_POLL_SECONDS:
            self._stop_asked_at = now
            if self._stop():
                raise SandboxStopped


def _time_limit(seconds_used: float, seconds_max: float, page_seconds_max: float) -> JobFailure:
    if seconds_used >= seconds_max:
        message = f"reading the PDF takes longer than {seconds_max:g} s"
    else:
        message = f"opening the PDF, or reading one page of it, takes longer than {page_seconds_max:g} s"
    return JobFailure(FailureReason.TIME_LIMIT, message)


def _reopened(document: BinaryIO) -> int:
    """A descriptor of the file that `document` is, for reading only and with a position of its own if possible."""
    document.flush()
    with suppress(OSError):
        return os.open(f"/proc/self/fd/{document.fileno()}", os.O_RDONLY)
    document.seek(0)
    return os.dup(document.fileno())
