"""Where is shown what a command finds: results go to stdout, errors and progress bars to stderr."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from pdfgateway.cli.job_text import job_detail, job_name, job_text
from pdfgateway.cli.printable import one_line
from pdfgateway.job import Job

Found = TypeVar("Found")
Found_contra = TypeVar("Found_contra", contravariant=True)


class Display(Protocol[Found_contra]):
    """Shows what a command finds for its inputs, mostly jobs. `change` and `error` may be called from any thread."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show what is left, and end."""
        ...

    def change(self, job: Job) -> None:
        """Take a change of a job."""
        ...

    def final(self, found: Found_contra) -> None:
        """Take what the command has found for an input; called in the order of the inputs."""
        ...

    def error(self, message: str) -> None:
        """Show an error as one line."""
        ...


class _StreamDisplay(Generic[Found]):
    """What the displays that write to streams have in common."""

    def __init__(self, text_of: Callable[[Found], str]) -> None:
        self._text_of = text_of
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def error(self, message: str) -> None:
        """Write an error to stderr."""
        with self._lock:
            typer.echo(f"pdfgateway: {one_line(message)}", err=True)

    def _write(self, found: Found) -> None:
        """Write what was found to stdout, at once."""
        with self._lock:
            typer.echo(self._text_of(found))


class ResultDisplay(_StreamDisplay[Found]):
    """Writes what was found, once for each input."""

    def change(self, job: Job) -> None:
        """Nothing: only results are shown."""

    def final(self, found: Found) -> None:
        """Write what was found."""
        self._write(found)


class ChangeDisplay(_StreamDisplay[Job]):
    """Writes each change of each job, as it comes."""

    def change(self, job: Job) -> None:
        """Write the job."""
        self._write(job)

    def final(self, found: Job) -> None:
        """Nothing: the last change was shown."""


class BarDisplay:
    """Shows a progress bar for each job on the terminal, and writes the jobs to stdout in the end."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            TextColumn("{task.fields[state]}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._finals: list[Job] = []

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()
        for job in self._finals:
            typer.echo(job_text(job))

    def change(self, job: Job) -> None:
        """Move the job's bar; make one for its first change."""
        with self._lock:
            task = self._tasks.get(job.id)
            if task is None:
                task = self._progress.add_task(job_name(job) or job.id, total=None, state="", detail="")
                self._tasks[job.id] = task
        done, total = bar_position(job)
        self._progress.update(
            task,
            completed=done,
            total=total,
            state=job.state.value,
            detail=job_detail(job),
        )
        if job.is_terminal:
            self._progress.stop_task(task)

    def final(self, found: Job) -> None:
        """Keep the job for the end, when the bars no longer move."""
        self._finals.append(found)

    def error(self, message: str) -> None:
        """Write an error above the bars."""
        self._progress.console.print(f"pdfgateway: {one_line(message)}", markup=False, highlight=False, soft_wrap=True)


def bar_position(job: Job) -> tuple[int, int | None]:
    """Return how much of a job's bar is full, in pages; of None the bar only shows that something goes on."""
    if job.result is not None:
        return job.result.page_count, job.result.page_count
    done = job.progress.pages_done if job.progress is not None else 0
    total = job.progress.page_count if job.progress is not None else None
    return done, max(done, 1) if total is None and job.is_terminal else total
