"""The exit codes of the command line."""

import pytest

from pdfgateway import errors
from pdfgateway.cli.exit_codes import MEANINGS, ExitCode, exit_code_of_error, exit_code_of_job
from pdfgateway.job_message import job_from_message
from tests.contract_messages import job_message


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.InvalidArgument("no"), 2),
        (errors.JobAlreadyFinished("no"), 2),
        (errors.JobNotFinished("no"), 2),
        (errors.JobAlreadySucceeded("no"), 2),
        (errors.RequestIdReused("no"), 2),
        (errors.ContentTooLarge("no"), 2),
        (errors.PDFGatewayError("no"), 2),
        (FileNotFoundError("no"), 2),
        (errors.Unavailable("no"), 3),
        (errors.StoreUnavailable("no"), 3),
        (errors.DeadlineExceeded("no"), 3),
        (errors.TooManyWatches("no"), 3),
        (errors.QueueFull("no"), 3),
        (errors.StoreFull("no"), 3),
        (errors.InternalError("no"), 3),
        (errors.JobNotFound("no"), 4),
        (errors.JobExpired("no"), 4),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_its_exit_code(error: errors.PDFGatewayError | OSError, exit_code: int) -> None:
    """What the caller can change, what may pass, and what is not there are told apart."""
    assert exit_code_of_error(error) == exit_code


@pytest.mark.parametrize(
    ("state", "exit_code"),
    [("QUEUED", 0), ("RUNNING", 0), ("RETRYING", 0), ("SUCCEEDED", 0), ("FAILED", 1), ("CANCELLED", 1)],
)
def test_each_state_has_its_exit_code(state: str, exit_code: int) -> None:
    """A job that ended without a result fails the command that shows it."""
    assert exit_code_of_job(job_from_message(job_message(state=state))) == exit_code


def test_every_exit_code_is_explained() -> None:
    """The table in the help is complete."""
    assert set(MEANINGS) == set(ExitCode)
