"""How a command ends: one table of exit codes. Of several inputs the highest code counts."""

from enum import IntEnum
from types import MappingProxyType

from pdfgateway.errors import (
    DeadlineExceeded,
    InternalError,
    JobNotFound,
    PDFGatewayError,
    QueueFull,
    StoreFull,
    TooManyWatches,
    Unavailable,
)
from pdfgateway.job import Job, JobState


class ExitCode(IntEnum):
    """The exit codes; other programs may rely on them."""

    SUCCESS = 0
    JOB_FAILED = 1
    REFUSED = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    INTERRUPTED = 130


MEANINGS = MappingProxyType(
    {
        ExitCode.SUCCESS: "all went well",
        ExitCode.JOB_FAILED: "a job failed or was cancelled",
        ExitCode.REFUSED: "wrong usage, an unreadable file, or a refused request",
        ExitCode.UNREACHABLE: "the gateway did not answer, or could not",
        ExitCode.NOT_FOUND: "there is no such job",
        ExitCode.INTERRUPTED: "interrupted; accepted jobs go on",
    }
)
"""What each exit code tells."""


def exit_code_of_job(job: Job) -> ExitCode:
    """Return what a job's state means for the command that shows it."""
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        return ExitCode.JOB_FAILED
    return ExitCode.SUCCESS


def exit_code_of_error(error: PDFGatewayError | OSError) -> ExitCode:
    """Return what a failed call, or a file that cannot be read, means for the command."""
    if isinstance(error, JobNotFound):
        return ExitCode.NOT_FOUND
    if isinstance(error, Unavailable | DeadlineExceeded | QueueFull | StoreFull | TooManyWatches | InternalError):
        return ExitCode.UNREACHABLE
    return ExitCode.REFUSED
