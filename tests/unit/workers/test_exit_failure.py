"""Why a reading process ended."""

import signal

import pytest

from workers.jobs.failure import FailureReason
from workers.sandbox.exit_failure import EXIT_OUT_OF_MEMORY, exit_failure


@pytest.mark.parametrize(
    ("exit_code", "reason", "words"),
    [
        (None, FailureReason.PARSER_CRASHED, "lost"),
        (0, FailureReason.PARSER_CRASHED, "early"),
        (1, FailureReason.PARSER_CRASHED, "early"),
        (EXIT_OUT_OF_MEMORY, FailureReason.MEMORY_LIMIT, "memory"),
        (-signal.SIGXCPU, FailureReason.TIME_LIMIT, "processor time"),
        (-signal.SIGKILL, FailureReason.PARSER_CRASHED, "SIGKILL"),
        (-signal.SIGSEGV, FailureReason.PARSER_CRASHED, "SIGSEGV"),
        (-99, FailureReason.PARSER_CRASHED, "signal 99"),
    ],
)
def test_an_exit_code_tells_the_reason(exit_code: int | None, reason: FailureReason, words: str) -> None:
    """Memory and processor time are the document's fault; any other early end is a crash, which may pass."""
    failure = exit_failure(exit_code)
    assert failure.reason is reason
    assert words in failure.message
