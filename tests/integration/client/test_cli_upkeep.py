"""The commands that list, delete and replay jobs, and those on dead letters."""

import json
import signal
from collections.abc import Sequence

import grpc
import pytest

from pdfgateway.v1.pdf_gateway_service_pb2 import (
    ListDeadLettersRequest,
    ListJobsRequest,
    PurgeDeadLettersRequest,
    ReplayDeadLettersRequest,
)
from tests.contract_messages import EPOCH, attempt_message, dead_letter_message, extracting, job_message
from tests.fake_gateway import FakeGateway
from tests.fake_steps import Refuse, Send
from tests.integration.client.command_line import CommandLine, lines, terminal

URL = "https://example.com/paper.pdf"
ACCEPTED = "2023-11-14T22:13:20Z"


def test_list_writes_a_line_for_each_job(gateway: FakeGateway, run: CommandLine) -> None:
    """Without a terminal each job is a line that begins with its id, newest first; a cut list says so on stderr."""
    gateway.put(job_message("job-1", state="FAILED"))
    gateway.put(job_message("job-2"))
    done = run("list")
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines(done.stdout) == [
        f"job-2  QUEUED      {ACCEPTED}  {URL}",
        f"job-1  FAILED      {ACCEPTED}  {URL}, ENCRYPTED: It opens with a password only.",
    ]
    done = run("list", "--limit", "1", "--json")
    assert [json.loads(line)["id"] for line in lines(done.stdout)] == ["job-2"]
    assert lines(done.stderr) == ["pdfgateway: there are more; --limit 0 lists all"]


def test_list_asks_for_what_is_wanted(gateway: FakeGateway, run: CommandLine) -> None:
    """Each filter reaches the gateway, and a long list is asked for in long pages."""
    gateway.put(job_message("job-1", state="FAILED", labels={"team": "a", "kind": "b=c"}))
    gateway.put(job_message("job-2", state="QUEUED", labels={"team": "a", "kind": "b=c"}))
    filters = ["--state", "failed", "--state", "CANCELLED", "--label", "team=a", "--label", "kind=b=c"]
    done = run("list", *filters, "--since", "2023-11-14T00:00:00Z", "--before", "1h", "--limit", "0")
    assert [line.split()[0] for line in lines(done.stdout)] == ["job-1"]
    (request,) = gateway.requests
    assert isinstance(request, ListJobsRequest)
    assert (request.page_size, dict(request.labels)) == (200, {"team": "a", "kind": "b=c"})
    assert EPOCH.seconds - 86_400 < request.create_time_from.seconds < EPOCH.seconds
    assert request.create_time_before.seconds > EPOCH.seconds


def test_list_shows_a_table_on_a_terminal(gateway: FakeGateway, run: CommandLine) -> None:
    """Each job is one row that fits the terminal, with its whole id and no control character of its own."""
    job_id = "5b3a0f4e-0000-4000-8000-000000000000"
    gateway.put(job_message(job_id, state="FAILED", source={"url": URL + "/" + "long" * 50}))
    gateway.put(job_message("job-2", source={"upload": {"filename": "[red]\x1b[2J.pdf"}}))
    run.environment["COLUMNS"] = "80"
    with terminal() as screen, run.start("list", stdout=screen.command) as process:
        head, *rows = screen.read().splitlines()
        assert process.wait(timeout=10) == 0
    assert head.split() == ["JOB", "STATE", "AGE", "DETAIL", "SOURCE"]
    assert [row.split()[:2] for row in rows] == [["job-2", "QUEUED"], [job_id, "FAILED"]]
    assert [len(row) for row in (head, *rows)] == [80, 80, 80]
    assert "[red]�[2J" in rows[0]
    assert "ENCRYPT" in rows[1]


def test_a_list_that_breaks_off_says_so(gateway: FakeGateway, run: CommandLine) -> None:
    """What came before an outage is shown, and the exit code tells that it is not all."""
    gateway.put(job_message("job-1"))
    gateway.put(job_message("job-2"))
    gateway.page_sizes.append(1)
    gateway.faults["ListJobs"].extend([None, *[Refuse(grpc.StatusCode.UNAVAILABLE, "down")] * 100])
    done = run("list", "--timeout", "0.5")
    assert (done.returncode, [line.split()[0] for line in lines(done.stdout)]) == (3, ["job-2"])
    assert len(lines(done.stderr)) == 1


def test_status_tells_the_attempts_that_failed(gateway: FakeGateway, run: CommandLine) -> None:
    """As text those that failed, a line each; as JSON all of them."""
    attempts = [attempt_message(1, 1), attempt_message(1, 2, state="SUCCEEDED")]
    gateway.put(job_message(state="SUCCEEDED", attempts=attempts))
    failed = f"    attempt 1 failed at {ACCEPTED} on worker-7: LEASE_LOST: Its worker fell silent."
    assert lines(run("status", "job-1").stdout)[1:3] == [failed, ""]
    document = json.loads(run("status", "job-1", "--json").stdout)
    assert [(attempt["attempt"], attempt["state"]) for attempt in document["attempts"]] == [
        (1, "FAILED"),
        (2, "SUCCEEDED"),
    ]


def test_submit_passes_on_how_to_keep_and_reuse(gateway: FakeGateway, run: CommandLine) -> None:
    """The options reach the gateway."""
    assert run("submit", "-", "--reuse-result", "--retention", "90", content=b"%PDF-1.7").returncode == 0
    (request,) = gateway.requests
    assert (request.reuse_result, request.retention.seconds) == (True, 90)  # type: ignore[attr-defined]  # a submit's


def test_delete_deletes(gateway: FakeGateway, run: CommandLine) -> None:
    """Each job has its line; what goes on, or is not there, is told, and stops no other."""
    for number in (1, 2, 3):
        gateway.put(job_message(f"job-{number}", state="RUNNING" if number == 2 else "FAILED"))
    done = run("delete", "job-1", "job-2", "job-3", "unknown")
    assert (done.returncode, lines(done.stdout)) == (4, ["job-1  deleted", "job-3  deleted"])
    assert lines(done.stderr) == [
        "pdfgateway: job-2: It has not ended. (JOB_NOT_FINISHED)",
        "pdfgateway: unknown: There is no job unknown. (JOB_NOT_FOUND)",
    ]
    gateway.put(job_message("job-1", state="FAILED"))
    assert json.loads(run("delete", "job-1", "--json").stdout) == {"id": "job-1", "deleted": True}


def test_replay_starts_another_run(gateway: FakeGateway, run: CommandLine) -> None:
    """The job is shown as it is now; one that has its result is refused."""
    gateway.put(job_message("job-1", state="FAILED"))
    gateway.put(job_message("job-2", state="SUCCEEDED"))
    done = run("replay", "job-1", "job-2")
    assert (done.returncode, lines(done.stdout)) == (2, [f"job-1  QUEUED      {URL}"])
    assert lines(done.stderr) == ["pdfgateway: job-2: It has succeeded. (JOB_ALREADY_SUCCEEDED)"]
    assert gateway.jobs["job-1"].run == 2


@pytest.mark.parametrize(("outcome", "exit_code"), [("SUCCEEDED", 0), ("FAILED", 1)])
def test_a_replay_can_be_watched(gateway: FakeGateway, run: CommandLine, outcome: str, exit_code: int) -> None:
    """It is followed from its new run on, to the end, and the exit code tells whether there is a result."""
    gateway.put(job_message(seq=4, state="FAILED"))
    running = job_message(seq=6, run=2, state="RUNNING", attempt=1, progress=extracting(1, 2))
    gateway.watch_scripts["job-1"].append([Send(running), Send(job_message(seq=7, run=2, state=outcome))])
    done = run("replay", "--watch", "job-1")
    assert (done.returncode, done.stderr) == (exit_code, b"")
    states = [line.split()[1] for line in lines(done.stdout) if line.startswith("job-1")]
    assert states == ["QUEUED", "RUNNING", outcome]


def test_dead_letters_are_listed(gateway: FakeGateway, run: CommandLine) -> None:
    """A line for each, with the job's id or a dash; filters reach the gateway."""
    gateway.dead_letters = [dead_letter_message(), dead_letter_message("")]
    done = run("dead-letters", "list")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [line.split()[:4] for line in lines(done.stdout)] == [
        ["job-1", "failed_pdfs", ACCEPTED, "LEASE_LOST:"],
        ["-", "invalid_pdfs", ACCEPTED, "NOT_JSON:"],
    ]
    filters = ["--queue", "invalid_pdfs", "--reason", "NOT_JSON", "--before", "1h"]
    done = run("dead-letters", "list", *filters, "--json")
    assert [json.loads(line)["raw"] for line in lines(done.stdout)] == ["hello"]
    request = gateway.requests[-1]
    assert isinstance(request, ListDeadLettersRequest)
    assert (request.filter.queue, request.filter.reason) == ("invalid_pdfs", "NOT_JSON")
    assert request.filter.HasField("time_before")


def test_dead_letters_are_replayed_and_purged(gateway: FakeGateway, run: CommandLine) -> None:
    """With --yes nobody is asked; the count is written."""
    gateway.put(job_message("job-1", state="FAILED"))
    gateway.dead_letters = [dead_letter_message(), dead_letter_message(""), dead_letter_message("")]
    done = run("dead-letters", "replay", "--queue", "failed_pdfs", "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1 job replayed\n", b"")
    done = run("dead-letters", "replay", "--queue", "failed_pdfs", "--yes", "--json")
    assert json.loads(done.stdout) == {"replayed_count": 0}
    done = run("dead-letters", "purge", "--queue", "invalid_pdfs", "--reason", "NOT_JSON", "--before", "1h", "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"2 dead letters purged\n", b"")
    done = run("dead-letters", "purge", "--queue", "invalid_pdfs", "--yes", "--json")
    assert json.loads(done.stdout) == {"purged_count": 0}
    purge = gateway.requests[2]
    assert isinstance(purge, PurgeDeadLettersRequest)
    assert purge.filter.HasField("time_before")
    assert [seconds > 45 for seconds in gateway.seconds_given] == [True] * 4


@pytest.mark.parametrize("command", ["replay", "purge"])
@pytest.mark.parametrize(("answer", "exit_code", "left"), [("y\n", 0, 0), ("n\n", 2, 1), ("\n", 2, 1)])
def test_a_terminal_is_asked_first(
    gateway: FakeGateway, run: CommandLine, command: str, answer: str, exit_code: int, left: int
) -> None:
    """Nothing is changed without a yes."""
    gateway.put(job_message("job-1", state="FAILED"))
    gateway.dead_letters = [dead_letter_message()]
    arguments = ["dead-letters", command, "--queue", "failed_pdfs"]
    with terminal() as screen, run.start(*arguments, stdin=screen.command, stderr=screen.command) as process:
        screen.read_until("all dead letters in failed_pdfs?")
        screen.type(answer)
        screen.read()
        assert process.wait(timeout=10) == exit_code
    assert len(gateway.dead_letters) == left


def test_an_interrupted_question_changes_nothing(gateway: FakeGateway, run: CommandLine) -> None:
    """Ctrl-C is no yes, and has its exit code."""
    gateway.dead_letters = [dead_letter_message()]
    arguments = ["dead-letters", "purge", "--queue", "failed_pdfs"]
    with terminal() as screen, run.start(*arguments, stdin=screen.command, stderr=screen.command) as process:
        screen.read_until("all dead letters in failed_pdfs?")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
    assert not gateway.requests


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "--state", "gone"], "must be one of QUEUED"),
        (["list", "--since", "never"], "such as 30m, 2h or 7d"),
        (["list", "--label", "novalue"], "must be KEY=VALUE"),
        (["list", "--limit", "-1"], "greater than or equal to 0"),
        (["delete"], "Missing argument"),
        (["dead-letters", "replay", "--yes"], "Missing option"),
        (["dead-letters", "purge", "--queue", "failed_pdfs"], "needed where there is no terminal"),
        (["dead-letters", "replay", "--queue", "failed_pdfs"], "needed where there is no terminal"),
    ],
)
def test_wrong_usage_is_told(gateway: FakeGateway, run: CommandLine, arguments: Sequence[str], words: str) -> None:
    """Nothing is sent; the message says what is wrong."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in " ".join(done.stderr.decode().split())
    assert not gateway.requests


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["delete", "job-1"], ["replay", "job-1"], ["dead-letters", "purge", "--queue", "failed_pdfs", "--yes"]],
    ids=lambda arguments: arguments[0],
)
def test_an_unreachable_gateway_is_told(run: CommandLine, arguments: Sequence[str]) -> None:
    """Where nothing listens the command ends in its time, with one line."""
    done = run("--address", "127.0.0.1:1", *arguments, "--timeout", "0.3")
    assert (done.returncode, done.stdout) == (3, b"")
    assert len(lines(done.stderr)) == 1
    assert "127.0.0.1:1" in done.stderr.decode()


def test_a_bulk_refusal_is_told(gateway: FakeGateway, run: CommandLine) -> None:
    """A queue of another name is for the gateway to refuse, and told in one line."""
    violations = (("filter.queue", "must be failed_pdfs or invalid_pdfs"),)
    refusal = Refuse(grpc.StatusCode.INVALID_ARGUMENT, "A field is wrong.", "INVALID_ARGUMENT", violations)
    gateway.faults["ReplayDeadLetters"].append(refusal)
    done = run("dead-letters", "replay", "--queue", "pdfs", "--yes")
    assert (done.returncode, len(lines(done.stderr))) == (2, 1)
    assert "must be failed_pdfs or invalid_pdfs" in done.stderr.decode()
    assert len(gateway.requests_of(ReplayDeadLettersRequest)) == 1
