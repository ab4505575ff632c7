"""The command line on a terminal, in a pipe, and interrupted."""

import signal

import grpc
import pytest

from pdfgateway.v1.pdf_gateway_service_pb2 import CancelJobRequest, WatchStatusRequest
from tests.contract_messages import extracting, job_message
from tests.fake_gateway import FakeGateway
from tests.fake_steps import Refuse, Send, Stall
from tests.integration.client.command_line import CommandLine, lines, terminal

URL = "https://example.com/paper.pdf"


@pytest.mark.parametrize("arguments", [["watch", "job-1"], ["submit", "--watch", URL]])
def test_an_interrupt_leaves_the_job_running(gateway: FakeGateway, run: CommandLine, arguments: list[str]) -> None:
    """Ctrl-C ends the command at once, not the job, and says how to watch it again."""
    gateway.outcome = ""
    gateway.put(job_message("job-0"))
    gateway.put(job_message("job-1", seq=2, state="RUNNING"))
    job_id = "job-1" if arguments[0] == "watch" else "job-3"
    with run.start(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().decode().startswith(job_id)
        gateway.wait_for_requests(WatchStatusRequest, 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 130
        assert lines(process.stderr.read()) == [
            f"pdfgateway: interrupted; job {job_id} goes on: pdfgateway watch {job_id}"
        ]
    assert not gateway.requests_of(CancelJobRequest)
    gateway.wait_until_idle()


def test_an_interrupt_does_not_wait_for_an_outage(gateway: FakeGateway, run: CommandLine) -> None:
    """Ctrl-C ends a command that is waiting for its next attempt, too."""
    full = Refuse(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", "TOO_MANY_WATCHES", retry_seconds=8)
    gateway.faults["WatchStatus"].append(full)
    with run.start("watch", "job-1") as process:
        gateway.wait_for_requests(WatchStatusRequest, 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 130


def test_a_closed_pipe_is_no_crash(gateway: FakeGateway, run: CommandLine) -> None:
    """A reader that has seen enough ends the command quietly."""
    gateway.outcome = ""
    gateway.watch_scripts["job-1"].append([Send(job_message(seq=1)), Send(job_message(seq=2)), Stall()])
    with run.start("watch", "job-1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(timeout=10), process.stderr.read()) == (1, b"")


def test_a_terminal_shows_bars(gateway: FakeGateway, run: CommandLine) -> None:
    """On a terminal a bar moves for each job, on stderr; the results go to stdout all the same."""
    gateway.watch_scripts["job-1"].append(
        [
            Send(job_message(seq=1, state="RUNNING", attempt=2, progress=extracting(3, 12))),
            Send(job_message(seq=2, state="SUCCEEDED")),
        ]
    )
    with terminal() as screen, run.start("watch", "job-1", "unknown", stderr=screen.command) as process:
        shown = screen.read()
        assert process.wait(timeout=10) == 4
        assert process.stdout is not None
        assert lines(process.stdout.read())[0] == "job-1  SUCCEEDED   3 pages, 1,200 words"
    assert URL in shown
    assert "There is no job unknown" in shown
