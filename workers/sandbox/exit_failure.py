"""Why a reading process ended without having said so."""

import signal

from workers.jobs.failure import FailureReason, JobFailure

EXIT_OUT_OF_MEMORY = 82
"""Exit code of a reading process that has too little memory left to say so in words."""


def exit_failure(exit_code: int | None) -> JobFailure:
    """The failure of a document whose process ended early.

    `exit_code` is the process's, negative for the signal that killed it, None if nobody saw it end.
    """
    if exit_code is None:
        return JobFailure(FailureReason.PARSER_CRASHED, "the process that read the PDF was lost")
    if exit_code == EXIT_OUT_OF_MEMORY:
        return JobFailure(FailureReason.MEMORY_LIMIT, "reading the PDF takes more memory than is allowed")
    if exit_code == -signal.SIGXCPU:
        return JobFailure(FailureReason.TIME_LIMIT, "reading the PDF takes more processor time than is allowed")
    if exit_code < 0:
        return JobFailure(
            FailureReason.PARSER_CRASHED, f"the process that read the PDF was killed by {_signal_name(-exit_code)}"
        )
    return JobFailure(FailureReason.PARSER_CRASHED, f"the process that read the PDF ended early, with {exit_code}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
