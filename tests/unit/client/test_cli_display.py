"""What is shown while a command runs."""

import pytest

from pdfgateway.cli.display import BarDisplay, ChangeDisplay, Display, ResultDisplay, bar_position
from pdfgateway.cli.job_text import job_line
from pdfgateway.job import Job
from pdfgateway.job_message import job_from_message
from pdfgateway.v1 import job_pb2
from tests.contract_messages import extracting, job_message

RUNNING = job_from_message(job_message(seq=2, state="RUNNING", attempt=1, progress=extracting(3, 12)))
SUCCEEDED = job_from_message(job_message(seq=3, state="SUCCEEDED"))


@pytest.mark.parametrize(
    ("message", "position"),
    [
        (job_message(), (0, None)),
        (job_message(state="RUNNING"), (0, None)),
        (job_message(state="RUNNING", progress=job_pb2.Progress(phase=job_pb2.PHASE_FETCH)), (0, None)),
        (job_message(state="RUNNING", progress=extracting(3, 12)), (3, 12)),
        (job_message(state="SUCCEEDED"), (3, 3)),
        (job_message(state="FAILED"), (0, 1)),
        (job_message(state="CANCELLED", progress=extracting(3, 12)), (3, 12)),
    ],
)
def test_a_bar_shows_the_pages(message: job_pb2.Job, position: tuple[int, int | None]) -> None:
    """A bar moves with the pages, is full where there is a result, and stands still where the job has ended."""
    assert bar_position(job_from_message(message)) == position


@pytest.mark.parametrize(
    ("display", "shown"),
    [
        (ResultDisplay(job_line), [SUCCEEDED]),
        (ChangeDisplay(job_line), [RUNNING, SUCCEEDED]),
    ],
    ids=["results", "changes"],
)
def test_each_display_writes_its_own(capsys: pytest.CaptureFixture[str], display: Display, shown: list[Job]) -> None:
    """Results are written once, changes as they come; errors go to stderr, each on one line."""
    with display:
        display.change(RUNNING)
        display.change(SUCCEEDED)
        display.error("it\nbroke")
        display.final(SUCCEEDED)
    out, err = capsys.readouterr()
    assert out.splitlines() == [job_line(job) for job in shown]
    assert err == "pdfgateway: it broke\n"


def test_bars_leave_stdout_to_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    """What another program may read comes when the bars have ended, and whole."""
    with BarDisplay() as display:
        display.change(RUNNING)
        display.change(SUCCEEDED)
        display.final(SUCCEEDED)
        assert capsys.readouterr().out == ""
    assert capsys.readouterr().out.startswith(job_line(SUCCEEDED))
