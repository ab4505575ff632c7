"""Many inputs at once: each in a thread of a bounded pool, going on after one fails."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from pdfgateway.cli.display import Display
from pdfgateway.cli.exit_codes import ExitCode, exit_code_of_error
from pdfgateway.client import PDFGatewayClient
from pdfgateway.errors import PDFGatewayError
from pdfgateway.job import Job

CONCURRENT_INPUTS_MAX = 32
"""How many inputs are worked on at once; the others wait for their turn."""

INTERRUPT_SECONDS_MAX = 0.2
"""How long an interrupt may go unseen: Python's main thread sleeps through a signal that another thread receives."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a command."""

    name: str
    """How it is shown."""
    value: str
    """What it is: a source, a job's id, or a queue."""


Change = Callable[[Job], None]
"""Takes a job's change."""

Work = Callable[[PDFGatewayClient, str, Change], Found]
"""What a command does with one input: it reports a job's changes, and returns what it found, mostly the job."""


def run_batch(
    client: PDFGatewayClient,
    display: Display[Found],
    inputs: Sequence[Input],
    work: Work[Found],
    exit_code_of: Callable[[Found], ExitCode],
) -> ExitCode:
    """Do the work for each input, show what comes of it, and return the exit code of the command.

    An interrupt closes the client, which ends all its calls, and names the jobs that go on.
    """
    known: dict[str, Job] = {}

    def change(job: Job) -> None:
        known[job.id] = job
        display.change(job)

    executor = ThreadPoolExecutor(min(len(inputs), CONCURRENT_INPUTS_MAX), thread_name_prefix="pdfgateway")
    try:
        with display:
            exit_code = ExitCode.SUCCESS
            for item, future in [(item, executor.submit(work, client, item.value, change)) for item in inputs]:
                while not wait([future], INTERRUPT_SECONDS_MAX).done:
                    pass
                try:
                    found = future.result()
                except BrokenPipeError:
                    raise
                except (PDFGatewayError, OSError) as error:
                    display.error(f"{item.name}: {error_text(error)}")
                    exit_code = max(exit_code, exit_code_of_error(error))
                else:
                    display.final(found)
                    exit_code = max(exit_code, exit_code_of(found))
            return exit_code
    except KeyboardInterrupt:
        for line in interrupt_lines([job for job in known.values() if not job.is_terminal]):
            display.error(line)
        return ExitCode.INTERRUPTED
    finally:
        client.close()
        executor.shutdown(cancel_futures=True)


def error_text(error: PDFGatewayError | OSError) -> str:
    """Return what an error tells, for people."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def interrupt_lines(running: Sequence[Job]) -> list[str]:
    """Return what an interrupt leaves behind, a line for each job."""
    return [f"interrupted; job {job.id} goes on: pdfgateway watch {job.id}" for job in running] or ["interrupted"]
