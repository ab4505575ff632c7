"""The command line as other programs meet it: its lines, its exit codes, its signals."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest

from pdfgateway.v1.pdf_gateway_service_pb2 import (
    GetStatusRequest,
    SubmitPDFRequest,
)
from tests.contract_messages import extracting, job_message
from tests.fake_gateway import FakeGateway
from tests.fake_steps import Beat, Refuse, Send
from tests.integration.client.command_line import CommandLine, lines

URL = "https://example.com/paper.pdf"
SAMPLE = Path(__file__).parents[3] / "clients/python/samples/submit_and_watch.py"


def documents(output: bytes) -> list[dict[str, object]]:
    """The JSON documents of an output, one for each of its lines."""
    return [json.loads(line) for line in lines(output)]


def test_submit_writes_a_line_for_each_source(gateway: FakeGateway, run: CommandLine, tmp_path: Path) -> None:
    """URLs, files and standard input become jobs, in the order given, with the options given."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.7 file")
    options = ["--max-summary-paragraphs", "0", "--label", "a=b", "--label", "c=d=e", "--deadline", "60"]
    done = run("submit", URL, str(path), "-", *options, content=b"%PDF-1.7 stdin")
    assert (done.returncode, done.stderr) == (0, b"")
    written = [line.split() for line in lines(done.stdout)]
    assert [(words[1], words[2:]) for words in written] == [
        ("QUEUED", [URL]),
        ("QUEUED", ["paper.pdf"]),
        ("QUEUED", []),
    ]
    assert {words[0] for words in written} == set(gateway.jobs)
    requests = [request for request in gateway.requests if isinstance(request, SubmitPDFRequest)]
    assert {request.content for request in requests} == {b"", b"%PDF-1.7 file", b"%PDF-1.7 stdin"}
    for request in requests:
        assert request.options.HasField("max_summary_paragraphs")
        assert (dict(request.labels), request.deadline.seconds) == ({"a": "b", "c": "d=e"}, 60)


def test_submit_and_watch_follows_to_the_end(gateway: FakeGateway, run: CommandLine) -> None:
    """Without a terminal each change is a line, and the summary stands below the last one."""
    changes = [
        job_message(seq=2, state="RUNNING", attempt=1, progress=extracting(1, 2)),
        job_message(seq=3, state="RUNNING", attempt=1, progress=extracting(2, 2)),
        job_message(seq=4, state="SUCCEEDED"),
    ]
    gateway.watch_scripts["job-1"].append([Send(changes[0]), Beat(), Send(changes[1]), Send(changes[2])])
    done = run("submit", "--watch", URL)
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines(done.stdout) == [
        f"job-1  QUEUED      {URL}",
        "job-1  RUNNING     page 1 of 2",
        "job-1  RUNNING     page 2 of 2",
        "job-1  SUCCEEDED   3 pages, 1,200 words",
        "",
        "    First.",
        "",
        "    Second.",
        "",
    ]


@pytest.mark.parametrize("arguments", [["--json", "submit", "--watch"], ["submit", "--watch", "--json"]])
def test_json_is_one_document_a_line(gateway: FakeGateway, run: CommandLine, arguments: Sequence[str]) -> None:
    """Machines read stdout line by line, wherever the option stands; nothing else is written there."""
    gateway.watch_scripts["job-1"].append([Send(job_message(seq=2, state="SUCCEEDED"))])
    done = run(*arguments, URL)
    assert (done.returncode, done.stderr) == (0, b"")
    written = documents(done.stdout)
    assert [(document["id"], document["seq"], document["state"]) for document in written] == [
        ("job-1", 1, "QUEUED"),
        ("job-1", 2, "SUCCEEDED"),
    ]


@pytest.mark.parametrize("command", ["submit", "status", "watch"])
@pytest.mark.parametrize(("outcome", "exit_code"), [("SUCCEEDED", 0), ("FAILED", 1), ("CANCELLED", 1)])
def test_a_job_without_a_result_fails_its_command(
    gateway: FakeGateway, run: CommandLine, command: str, outcome: str, exit_code: int
) -> None:
    """A script sees by the exit code whether there is a result."""
    gateway.put(job_message("job-1", seq=3, state=outcome))
    gateway.outcome = outcome
    arguments = ["submit", "--watch", URL] if command == "submit" else [command, "job-1"]
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (exit_code, b"")
    assert outcome in done.stdout.decode()


def test_many_jobs_are_watched_at_once(gateway: FakeGateway, run: CommandLine) -> None:
    """All inputs are followed, more than there are threads, and each ends."""
    job_ids = [f"job-{number}" for number in range(1, 51)]
    for job_id in job_ids:
        gateway.put(job_message(job_id, seq=5, state="SUCCEEDED"))
    done = run("--json", "watch", *job_ids)
    assert done.returncode == 0
    assert sorted(str(document["id"]) for document in documents(done.stdout)) == sorted(job_ids)


def test_one_failure_does_not_stop_the_others(gateway: FakeGateway, run: CommandLine, tmp_path: Path) -> None:
    """Every input has its turn; each error is one line that names its input; the highest exit code counts."""
    gateway.put(job_message("good", state="SUCCEEDED"))
    gateway.put(job_message("bad", state="FAILED"))
    done = run("status", "good", "unknown", "bad", "good")
    assert done.returncode == 4
    assert [line.split()[0] for line in lines(done.stdout) if line.startswith(("good", "bad"))] == [
        "good",
        "bad",
        "good",
    ]
    assert lines(done.stderr) == ["pdfgateway: unknown: There is no job unknown. (JOB_NOT_FOUND)"]
    missing = tmp_path / "missing.pdf"
    done = run("submit", str(missing), URL)
    assert done.returncode == 2
    assert len(lines(done.stdout)) == 1
    assert lines(done.stderr) == [f"pdfgateway: {missing}: No such file or directory"]


def test_a_refusal_names_the_field_but_no_secret(gateway: FakeGateway, run: CommandLine) -> None:
    """What is wrong is told, what is private in the URL is not."""
    violations = (("url", "must have no user information"),)
    refusal = Refuse(grpc.StatusCode.INVALID_ARGUMENT, "A field is wrong.", "INVALID_ARGUMENT", violations)
    gateway.faults["SubmitPDF"].append(refusal)
    done = run("submit", "https://user:secret@example.com/a.pdf?token=secret")
    assert done.returncode == 2
    (line,) = lines(done.stderr)
    assert line.startswith(
        "pdfgateway: https://example.com/a.pdf: A field is wrong.; url: must have no user information"
    )


@pytest.mark.parametrize("command", ["submit", "status", "watch", "cancel"])
def test_an_unreachable_gateway_is_told(run: CommandLine, command: str) -> None:
    """Where nothing listens the command ends in its time, with one line."""
    done = run("--address", "127.0.0.1:1", command, URL, "--timeout", "0.3")
    assert (done.returncode, done.stdout) == (3, b"")
    assert len(lines(done.stderr)) == 1
    assert "127.0.0.1:1" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["submit"], "Missing argument"),
        (["submit", URL, "--label", "novalue"], "must be KEY=VALUE"),
        (["submit", URL, URL, "--request-id", "a"], "is for one source only"),
        (["status", "job-1", "--wait", "61"], "less than or equal to 60"),
        (["--timeout", "0", "status", "job-1"], "greater than or equal to 0.1"),
        (["fetch"], "No such command"),
    ],
)
def test_wrong_usage_is_told(gateway: FakeGateway, run: CommandLine, arguments: list[str], words: str) -> None:
    """Nothing is sent; the message says what is wrong."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()
    assert not gateway.requests


def test_a_request_id_makes_one_job(gateway: FakeGateway, run: CommandLine) -> None:
    """A submit with the same id, repeated by a script, gives the same job."""
    first, second = (run("submit", URL, "--request-id", "mine") for _ in range(2))
    assert first.stdout == second.stdout
    assert len(gateway.jobs) == 1


def test_status_waits_as_long_as_it_is_told(gateway: FakeGateway, run: CommandLine) -> None:
    """The wait is the gateway's to keep."""
    gateway.put(job_message(state="SUCCEEDED"))
    assert run("status", "--wait", "1.5", "job-1").returncode == 0
    (request,) = gateway.requests
    assert isinstance(request, GetStatusRequest)
    assert request.wait.ToMilliseconds() in range(1400, 1501)


def test_cancel_cancels(gateway: FakeGateway, run: CommandLine) -> None:
    """A cancel that was carried out is a success, a second one a refusal."""
    gateway.put(job_message(state="RUNNING"))
    done = run("cancel", "job-1")
    assert (done.returncode, lines(done.stdout)) == (0, ["job-1  CANCELLED"])
    done = run("cancel", "job-1")
    assert (done.returncode, lines(done.stderr)) == (
        2,
        ["pdfgateway: job-1: It has ended. (JOB_ALREADY_FINISHED)"],
    )


def test_help_tells_the_exit_codes(run: CommandLine) -> None:
    """Who writes a script finds what the codes mean."""
    done = run("watch", "--help")
    assert done.returncode == 0
    for words in ("0 all went well", "1 a job failed or was cancelled", "4 there is no such job", "130 interrupted"):
        assert words in " ".join(done.stdout.decode().split())


def test_the_version_is_told(run: CommandLine) -> None:
    """The version is the distribution's."""
    assert run("--version").stdout.decode().strip().count(".") >= 1


def test_the_client_imports_nothing_of_the_server() -> None:
    """The client works where only its own few dependencies are installed."""
    code = "import sys, pdfgateway.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"gateway", "workers", "ray", "celery", "grpc_status", "fastapi"} & set(done.stdout.split())


def test_the_sample_takes_a_job_its_whole_way(run: CommandLine, tmp_path: Path) -> None:
    """The program that users begin with works as it stands."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.7")
    done = subprocess.run([sys.executable, SAMPLE, path], env=run.environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines(done.stdout)[1:4] == ["QUEUED", "SUCCEEDED", "3 pages, 1200 words:"]
    assert lines(done.stdout)[-1] == "ok"
