"""A job in words."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from gateway.rest_json import job_json as gateway_job_json
from gateway.rpc_messages import job_message as gateway_job_message
from pdfgateway.cli.job_text import (
    job_cells,
    job_detail,
    job_history_text,
    job_json,
    job_line,
    job_text,
    listed_job_line,
    source_name,
)
from pdfgateway.cli.printable import one_line, printable
from pdfgateway.job_message import job_from_message
from pdfgateway.v1 import job_pb2
from tests.contract_messages import attempt_message, extracting, job_message
from workers.jobs import job as domain
from workers.jobs.failure import Phase
from workers.jobs.state import AttemptState, JobState

ERROR = job_pb2.JobError(reason="SOURCE_UNAVAILABLE", message="The origin answered 503.")
NEXT = Timestamp(seconds=1_700_000_060)
FETCHING = job_pb2.Progress(phase=job_pb2.PHASE_FETCH, bytes_fetched=1_500_000)
SUMMARIZING = job_pb2.Progress(phase=job_pb2.PHASE_SUMMARIZE)
NO_TEXT = job_pb2.PDFResult(page_count=1, warnings=[job_pb2.Warning(reason="NO_TEXT", message="No text.")])


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (job_message(), ""),
        (job_message(queue_position=0), ""),
        (job_message(queue_position=2), "about 2 jobs before it"),
        (job_message(state="RUNNING"), "starting"),
        (job_message(state="RUNNING", attempt=1, progress=FETCHING), "fetching, 1.5 MB"),
        (job_message(state="RUNNING", attempt=1, progress=extracting(3, 12)), "page 3 of 12"),
        (job_message(state="RUNNING", attempt=2, progress=extracting(3, 12)), "page 3 of 12, attempt 2 of 4"),
        (job_message(state="RUNNING", attempt=1, progress=SUMMARIZING), "summarizing"),
        (
            job_message(state="RETRYING", attempt=2, last_error=ERROR, next_attempt_time=NEXT),
            "SOURCE_UNAVAILABLE: The origin answered 503., again at 2023-11-14T22:14:20Z, attempt 2 of 4",
        ),
        (job_message(state="SUCCEEDED"), "3 pages, 1,200 words"),
        (job_message(state="SUCCEEDED", result=NO_TEXT), "1 page, 0 words; No text."),
        (job_message(state="FAILED"), "ENCRYPTED: It opens with a password only."),
        (job_message(state="CANCELLING"), ""),
        (job_message(state="CANCELLED"), ""),
    ],
)
def test_each_state_has_its_detail(message: job_pb2.Job, detail: str) -> None:
    """What there is to say about a job depends on its state."""
    assert job_detail(job_from_message(message)) == detail


def test_a_line_begins_with_the_id() -> None:
    """Other programs can cut the id off a line; a new job's line also tells which source it is."""
    queued = job_from_message(job_message("a-b", queue_position=1))
    assert job_line(queued) == "a-b  QUEUED      https://example.com/paper.pdf, about 1 job before it"
    assert job_line(job_from_message(job_message("a-b", state="CANCELLED"))) == "a-b  CANCELLED"


def test_a_summary_stands_below_its_job() -> None:
    """A succeeded job is shown with its summary, any other one without."""
    text = job_text(job_from_message(job_message(state="SUCCEEDED")))
    assert text.splitlines()[1:] == ["", "    First.", "", "    Second."]
    assert "\n" not in job_text(job_from_message(job_message(state="FAILED")))


def test_a_history_tells_what_failed() -> None:
    """Each failed attempt is a line between the job and its summary; what went well, or goes on, is not told."""
    attempts = [
        attempt_message(1, 1),
        attempt_message(1, 2, state="HANDED_BACK"),
        attempt_message(1, 2, error=ERROR),
        attempt_message(1, 3, state="SUCCEEDED"),
    ]
    text = job_history_text(job_from_message(job_message(state="SUCCEEDED", attempts=attempts)))
    assert text.splitlines()[1:5] == [
        "    attempt 1 failed at 2023-11-14T22:13:20Z on worker-7: LEASE_LOST: Its worker fell silent.",
        "    attempt 2 failed at 2023-11-14T22:13:20Z on worker-7: SOURCE_UNAVAILABLE: The origin answered 503.",
        "",
        "    First.",
    ]
    job = job_from_message(job_message(state="QUEUED"))
    assert job_history_text(job) == job_text(job)


def test_a_history_tells_its_runs_apart() -> None:
    """A job that was replayed may have failed in an attempt of the same number before."""
    attempts = [attempt_message(1, 1), attempt_message(2, 1)]
    text = job_history_text(job_from_message(job_message(state="RUNNING", run=2, attempts=attempts)))
    assert [line.strip()[:32] for line in text.splitlines()[1:]] == [
        "attempt 1 of run 1 failed at 202",
        "attempt 1 of run 2 failed at 202",
    ]


def test_a_listed_line_tells_when_and_what() -> None:
    """In a list each line has the id, the state, when the job was accepted, its source, and its detail."""
    listed = listed_job_line(job_from_message(job_message("a-b", state="FAILED")))
    what = "https://example.com/paper.pdf, ENCRYPTED: It opens with a password only."
    assert listed == f"a-b  FAILED      2023-11-14T22:13:20Z  {what}"
    nameless = job_pb2.Source(upload=job_pb2.Upload())
    message = job_message("a-b", state="CANCELLED")
    message.source.CopyFrom(nameless)
    assert listed_job_line(job_from_message(message)) == "a-b  CANCELLED   2023-11-14T22:13:20Z"


def test_a_row_tells_the_age() -> None:
    """In a table the job's age stands for the time."""
    job = job_from_message(job_message("a-b", state="FAILED"))
    assert job_cells(job, job.create_time + timedelta(hours=3)) == (
        "a-b",
        "FAILED",
        "3h",
        "ENCRYPTED: It opens with a password only.",
        "https://example.com/paper.pdf",
    )


def test_a_document_cannot_command_the_terminal() -> None:
    """Control characters of a document, a file's name or a message are shown, not obeyed."""
    result = job_pb2.PDFResult(page_count=1, summary="\x1b[2Jcleared\x9b1m\x07\r")
    text = job_text(job_from_message(job_message(state="SUCCEEDED", result=result)))
    assert not {"\x1b", "\x9b", "\x07", "\r"} & set(text)
    assert printable("a\x1bb\nc\td\xa0é") == "a�b\nc\td\xa0é"
    assert one_line("a\nb \x1b[0m") == "a b �[0m"
    assert len(one_line("x" * 1000)) == 500


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("paper.pdf", "paper.pdf"),
        ("-", "-"),
        ("https://user:secret@example.com/a.pdf?token=secret#secret", "https://example.com/a.pdf"),
        ("http://[::1/a.pdf?secret", "a malformed URL"),
    ],
)
def test_a_source_is_named_without_secrets(source: str, name: str) -> None:
    """What stands in a message never holds a password or a token."""
    assert source_name(source) == name


RESULT = domain.PDFResult(
    page_count=3,
    word_count=1200,
    char_count=7000,
    summary="Frist → Überblick",
    processing_seconds=1.25,
    sha256="0" * 64,
    size_bytes=99,
    engine="pypdf 7.1.0",
    metadata=dict.fromkeys(("title", "author", "subject", "keywords", "creator", "producer"), "x"),
    warnings=(domain.ResultWarning(reason="NO_TEXT", message="No text.", pages=(1, 2)),),
)
FAILURE = domain.JobError(reason="ENCRYPTED", message="No.", retryable=False, phase=Phase.EXTRACT)
UPLOAD = domain.UploadSource(filename="a.pdf", size_bytes=99, sha256="0" * 64)
JOB = domain.Job(
    id="5b3a0f4e-0000-4000-8000-000000000000",
    state=JobState.QUEUED,
    seq=7,
    source=domain.UrlSource(display_url="https://example.com/a.pdf"),
    options=domain.ProcessingOptions(),
    labels={"team": "a"},
    create_time_us=1_700_000_000_000_000,
    update_time_us=1_700_000_001_500_000,
    expire_time_us=1_700_604_800_000_001,
    queue_position=3,
)
FETCHING_JOB = replace(JOB, state=JobState.RUNNING, progress=domain.Progress(phase=Phase.FETCH), start_time_us=1)
SUCCEEDED_JOB = replace(JOB, state=JobState.SUCCEEDED, result=RESULT, end_time_us=2, attempt=1)
ATTEMPTS = (
    domain.Attempt(
        run=1, attempt=1, state=AttemptState.FAILED, worker="w", start_time_us=1, end_time_us=2, error=FAILURE
    ),
    domain.Attempt(run=2, attempt=1, state=AttemptState.RUNNING, worker="w", start_time_us=1_700_000_000_000_000),
)
FAILED_JOB = replace(JOB, state=JobState.FAILED, last_error=FAILURE, end_time_us=2, attempt=1, attempts=ATTEMPTS)
REUSED_JOB = replace(SUCCEEDED_JOB, attempt=0, reused_job_id="5b3a0f4e-0000-4000-8000-000000000001")


@pytest.mark.parametrize(
    "job",
    [JOB, FETCHING_JOB, replace(JOB, source=UPLOAD), SUCCEEDED_JOB, FAILED_JOB, REUSED_JOB],
    ids=["queued", "fetching", "upload", "succeeded", "failed", "reused"],
)
def test_json_is_the_document_of_the_http_side(job: domain.Job) -> None:
    """One job has one JSON, whether it comes from the command line or by HTTP."""
    client_job = job_from_message(gateway_job_message(job))
    assert json.loads(job_json(client_job)) == json.loads(gateway_job_json(job))
    assert "\n" not in job_json(client_job)


def test_json_times_are_rfc_3339() -> None:
    """Times can be read by any program."""
    document = json.loads(job_json(job_from_message(job_message())))
    assert datetime.fromisoformat(document["create_time"]) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert document["create_time"].endswith("Z")
