"""From the contract's Job to the record that users see."""

import pickle
from datetime import UTC, datetime

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pdfgateway.job import AttemptState, JobState, Phase
from pdfgateway.job_message import job_from_message
from pdfgateway.v1 import job_pb2
from tests.contract_messages import attempt_message, extracting, job_message


@pytest.mark.parametrize("name", list(job_pb2.JobState.DESCRIPTOR.values_by_name))
def test_each_state_of_the_contract_has_its_own(name: str) -> None:
    """The states are the contract's, without its prefix."""
    message = job_pb2.Job(state=job_pb2.JobState.Value(name))
    assert job_from_message(message).state == JobState[name.removeprefix("JOB_STATE_")]


@pytest.mark.parametrize("name", list(job_pb2.Phase.DESCRIPTOR.values_by_name))
def test_each_phase_of_the_contract_has_its_own(name: str) -> None:
    """The phases are the contract's, without its prefix."""
    message = job_pb2.Job(progress=job_pb2.Progress(phase=job_pb2.Phase.Value(name)))
    progress = job_from_message(message).progress
    assert progress is not None
    assert progress.phase == Phase[name.removeprefix("PHASE_")]


@pytest.mark.parametrize("name", list(job_pb2.AttemptState.DESCRIPTOR.values_by_name))
def test_each_state_of_attempts_has_its_own(name: str) -> None:
    """The states of attempts are the contract's, without its prefix."""
    message = job_pb2.Job(attempts=[job_pb2.Attempt(state=job_pb2.AttemptState.Value(name))])
    (attempt,) = job_from_message(message).attempts
    assert attempt.state == AttemptState[name.removeprefix("ATTEMPT_STATE_")]


def test_what_a_later_contract_adds_is_unspecified() -> None:
    """An enum may grow; an old client does not fall over it, and takes the job as not ended."""
    wire = job_pb2.Job(id="a", progress=job_pb2.Progress(pages_done=1)).SerializeToString()
    grown = job_pb2.Job.FromString(wire + b"\x10\x63")  # field 2, state = 99
    grown.progress.MergeFromString(b"\x08\x63")  # field 1, phase = 99
    grown.attempts.add().MergeFromString(b"\x18\x63")  # field 3, state = 99
    job = job_from_message(grown)
    assert job.state is JobState.UNSPECIFIED
    assert not job.is_terminal
    assert job.progress is not None
    assert job.progress.phase is Phase.UNSPECIFIED
    assert job.attempts[0].state is AttemptState.UNSPECIFIED


def test_what_is_unset_is_none() -> None:
    """A queued job has nothing yet but its beginning."""
    job = job_from_message(job_message())
    unset = (job.start_time, job.end_time, job.next_attempt_time, job.deadline_time, job.progress)
    assert unset == (None,) * 5
    assert (job.queue_position, job.last_error, job.result, job.error) == (None,) * 4
    assert (job.attempts, job.reused_job_id) == ((), None)


def test_a_position_of_zero_is_not_none() -> None:
    """The next job in the queue has no job before it."""
    assert job_from_message(job_message(queue_position=0)).queue_position == 0


def test_times_are_in_utc() -> None:
    """No time is naive."""
    job = job_from_message(job_message(start_time=Timestamp(seconds=1, nanos=500_000_000)))
    assert job.start_time == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    assert job.create_time.tzinfo is UTC


def test_progress_before_the_pdf_is_opened_has_no_page_count() -> None:
    """Zero pages are not the same as an unknown number."""
    fetching = job_pb2.Progress(phase=job_pb2.PHASE_FETCH, bytes_fetched=10)
    progress = job_from_message(job_message(progress=fetching)).progress
    assert progress is not None
    assert (progress.page_count, progress.bytes_fetched) == (None, 10)
    progress = job_from_message(job_message(progress=extracting(1, 0))).progress
    assert progress is not None
    assert progress.page_count == 0


def test_a_result_is_whole() -> None:
    """All that was found arrives."""
    result = job_pb2.PDFResult(
        page_count=3,
        word_count=1200,
        char_count=7000,
        summary="First.",
        processing_time=Duration(seconds=1, nanos=250_000_000),
        metadata=job_pb2.PDFMetadata(title="T", author="A", subject="S", keywords="K", creator="C", producer="P"),
        sha256="0" * 64,
        size_bytes=99,
        engine="pypdf 7.1.0",
        warnings=[job_pb2.Warning(reason="NO_TEXT", message="No text.", pages=[1, 2])],
    )
    job = job_from_message(job_message(state="SUCCEEDED", result=result))
    assert job.error is None
    assert job.result is not None
    assert (job.result.page_count, job.result.word_count, job.result.char_count) == (3, 1200, 7000)
    assert (job.result.processing_seconds, job.result.size_bytes) == (1.25, 99)
    assert (job.result.engine, job.result.sha256, job.result.summary) == ("pypdf 7.1.0", "0" * 64, "First.")
    metadata = job.result.metadata
    assert (metadata.title, metadata.author, metadata.subject) == ("T", "A", "S")
    assert (metadata.keywords, metadata.creator, metadata.producer) == ("K", "C", "P")
    assert [(warning.reason, warning.pages) for warning in job.result.warnings] == [("NO_TEXT", (1, 2))]


def test_attempts_are_told_in_their_order() -> None:
    """Each attempt has its run, its worker, its times, and its error if it failed."""
    attempts = [attempt_message(1, 1), attempt_message(2, 1, state="RUNNING")]
    failed, running = job_from_message(job_message(attempts=attempts)).attempts
    assert (failed.run, failed.attempt, failed.state, failed.worker) == (1, 1, AttemptState.FAILED, "worker-7")
    assert failed.start_time == failed.end_time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert failed.error is not None
    assert (failed.error.reason, failed.error.retryable) == ("LEASE_LOST", True)
    assert (running.run, running.end_time, running.error) == (2, None, None)


def test_a_reused_result_names_its_job() -> None:
    """Who asked for an earlier result sees whose it is."""
    assert job_from_message(job_message(reused_job_id="job-0")).reused_job_id == "job-0"


def test_an_upload_is_told_from_a_url() -> None:
    """A source is one of both."""
    upload = job_pb2.Source(upload=job_pb2.Upload(filename="a.pdf", size_bytes=9, sha256="0" * 64))
    job = job_from_message(job_pb2.Job(source=upload))
    assert job.source.url is None
    assert job.source.upload is not None
    assert (job.source.upload.filename, job.source.upload.size_bytes) == ("a.pdf", 9)
    assert job_from_message(job_message()).source.url == "https://example.com/paper.pdf"


def test_a_job_is_a_plain_value() -> None:
    """Equal jobs are equal, can be put into sets, and be pickled."""
    message = job_message(state="FAILED", labels={"a": "b"}, attempts=[attempt_message()])
    job = job_from_message(message)
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301  (our own bytes)
    assert len({job, job_from_message(message)}) == 1
