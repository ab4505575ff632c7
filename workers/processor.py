"""One attempt at one job: fetch, extract, summarise. Knows neither Celery nor Ray nor Redis."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from workers.blobs import CopyStopped
from workers.extract.events import Event, Finished, Opened, PageFailed, PageRead
from workers.fetch.cutoff import FetchStopped
from workers.fetch.fetcher import Fetcher
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure, Phase
from workers.jobs.job import PDFResult, ProcessingOptions, Progress, ResultWarning
from workers.progress import ProgressReporter
from workers.sandbox.sandbox import Sandbox, SandboxStopped
from workers.summarize.summarizer import Summarizer
from workers.summarize.word_count import word_count

WARNING_PAGES_MAX = 100
"""Pages that one warning names."""


class BlobReader(Protocol):
    """Gives back uploaded bytes."""

    def copy_to(self, name: str, file: BinaryIO, *, stop: Callable[[], bool]) -> int:
        """Write the bytes of a name to a file, and return how many there were; `stop` is asked between chunks.

        Raises:
            CopyStopped: `stop` said so.
            JobFailure: UPLOAD_LOST or SOURCE_UNREACHABLE.
        """
        ...


class Stopped(Exception):
    """The work was stopped from outside, and nothing came of it."""


@dataclass(frozen=True, slots=True)
class Task:
    """What there is to do, as the lease gives it."""

    url: str | None = field(repr=False)
    blob: str | None
    options: ProcessingOptions

    @classmethod
    def parse(cls, source: str, request: str) -> "Task":
        """The task in a lease's two pieces of JSON.

        Raises:
            JobFailure: INTERNAL, where this version does not understand them.
        """
        try:
            where, asked = json.loads(source), json.loads(request)
            return cls(where.get("url"), where.get("blob"), ProcessingOptions(**asked["options"]))
        except (ValueError, KeyError, TypeError) as error:
            raise JobFailure(FailureReason.INTERNAL, "the job's stored request cannot be read") from error


@dataclass(slots=True)
class _Reading:
    """What has been read of a document so far."""

    pages: list[str] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    opened: Opened | None = None
    words: int = 0
    characters: int = 0


class Processor:
    """Works on jobs, in as many threads as call it."""

    def __init__(self, fetcher: Fetcher, sandbox: Sandbox, blobs: BlobReader, summarizer: Summarizer) -> None:
        self._fetcher = fetcher
        self._sandbox = sandbox
        self._blobs = blobs
        self._summarizer = summarizer

    def process(self, task: Task, reporter: ProgressReporter, stop: Callable[[], bool]) -> PDFResult:
        """Work on a task to its end; `stop` is asked at least five times a second.

        Raises:
            JobFailure: the attempt failed, and why.
            Stopped: `stop` said so.
        """
        start = time.monotonic()
        with tempfile.TemporaryFile(prefix="pdfgateway-") as file:
            try:
                size_bytes = self._fetch(task, file, reporter, stop)
                file.seek(0)
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                reading = self._extract(file, reporter, size_bytes, stop)
            except (CopyStopped, FetchStopped, SandboxStopped) as stopped:
                raise Stopped from stopped
        reporter.report(_progress(Phase.SUMMARIZE, reading, size_bytes))
        summary = self._summarizer.summarize(reading.pages, paragraphs_max=task.options.max_summary_paragraphs)
        opened = reading.opened
        if opened is None:
            raise JobFailure(FailureReason.PARSER_CRASHED, "the reading ended before the PDF was open")
        return PDFResult(
            page_count=opened.page_count,
            word_count=reading.words,
            char_count=reading.characters,
            summary=summary.text,
            processing_seconds=round(time.monotonic() - start, 6),
            sha256=sha256,
            size_bytes=size_bytes,
            engine=opened.engine,
            metadata=dict(opened.metadata),
            warnings=_warnings(reading, opened, summary_truncated=summary.truncated),
        )

    def _fetch(self, task: Task, file: BinaryIO, reporter: ProgressReporter, stop: Callable[[], bool]) -> int:
        if task.blob is not None:
            return self._blobs.copy_to(task.blob, file, stop=stop)
        return self._fetcher.fetch(
            SourceUrl.parse(task.url or ""),
            file,
            stop=stop,
            on_bytes=lambda done: reporter.report(Progress(phase=Phase.FETCH, bytes_fetched=done)),
        )

    def _extract(
        self, file: BinaryIO, reporter: ProgressReporter, size_bytes: int, stop: Callable[[], bool]
    ) -> _Reading:
        reading = _Reading()
        with closing(self._sandbox.read(file, stop=stop)) as events:
            for event in events:
                _take_in(event, reading)
                reporter.report(_progress(Phase.EXTRACT, reading, size_bytes))
        return reading


def _take_in(event: Event, reading: _Reading) -> None:
    match event:
        case Opened():
            reading.opened = event
        case PageRead(text=text):
            reading.pages.append(text)
            reading.words += word_count(text)
            reading.characters += len(text)
        case PageFailed(page_number=page_number):
            reading.pages.append("")
            reading.failed.append(page_number)
        case Finished():
            pass


def _progress(phase: Phase, reading: _Reading, size_bytes: int) -> Progress:
    return Progress(
        phase=phase,
        pages_done=len(reading.pages),
        page_count=reading.opened.page_count if reading.opened else None,
        bytes_fetched=size_bytes,
    )


def _warnings(reading: _Reading, opened: Opened, *, summary_truncated: bool) -> tuple[ResultWarning, ...]:
    warnings = []
    if not any(page.strip() for page in reading.pages):
        warnings.append(
            ResultWarning(reason="NO_TEXT", message="The PDF has no text; it may hold images of pages only.")
        )
    if reading.failed:
        warnings.append(
            ResultWarning(
                reason="PAGES_FAILED",
                message=f"{len(reading.failed)} of {opened.page_count} pages could not be read.",
                pages=tuple(reading.failed[:WARNING_PAGES_MAX]),
            )
        )
    if opened.repaired:
        warnings.append(
            ResultWarning(reason="REPAIRED", message="The PDF's structure is damaged; parts may be missing.")
        )
    if summary_truncated:
        warnings.append(ResultWarning(reason="SUMMARY_TRUNCATED", message="The summary was cut to its longest size."))
    return tuple(warnings)
