"""The record as stored."""

import json

import pytest

from workers.jobs.failure import FailureReason, JobFailure, Phase
from workers.jobs.job import Progress
from workers.record.document import RecordCorrupt, error_fragment, exception_fragment, parse_record, progress_fragment

RECORD = {
    "status": "STARTED",
    "result": None,
    "traceback": None,
    "children": [],
    "date_done": "2026-01-01T00:00:00+00:00",
    "task_id": "id",
    "job": {
        "seq": 2,
        "state": "RUNNING",
        "run": 1,
        "attempt": 1,
        "max_attempts": 4,
        "create_time_us": 1,
        "update_time_us": 2,
        "expire_time_us": 3,
        "request": {
            "source": {"url": "https://example.com/"},
            "options": {"max_summary_paragraphs": 3},
            "labels": {},
        },
    },
}


def test_a_record_is_read() -> None:
    """What is not there is unset."""
    job = parse_record(json.dumps(RECORD))
    assert (job.id, job.seq, job.start_time_us, job.progress, job.result, job.error) == (
        "id",
        2,
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"status": "SUCCESS", "result": 1}',
        b"\xff",
        json.dumps({**RECORD, "job": {}}).encode(),
    ],
)
def test_what_is_no_record_is_said_to_be_none(raw: bytes) -> None:
    """A stranger's value under our key is a fault with a name, and is not quoted."""
    with pytest.raises(RecordCorrupt):
        parse_record(raw)


def test_fragments_are_compact_json() -> None:
    """The script puts them into the record unread."""
    assert progress_fragment(Progress(phase=Phase.FETCH)) == (
        '{"phase":"FETCH","pages_done":0,"page_count":null,"bytes_fetched":0}'
    )
    failure = JobFailure(FailureReason.CORRUPT, 'a "quote"')
    assert json.loads(error_fragment(failure)) == ["CORRUPT", 'a "quote"', "EXTRACT"]
    assert json.loads(exception_fragment(failure)) == {
        "exc_type": "JobFailure",
        "exc_message": ["CORRUPT", 'a "quote"', "EXTRACT"],
        "exc_module": "workers.jobs.failure",
    }


@pytest.mark.parametrize("place", ["options", "result", "progress"])
def test_a_record_of_a_newer_version_is_read(place: str) -> None:
    """During a rollout two versions write and read the same records: what is not known is passed over."""
    record = json.loads(json.dumps(RECORD))
    match place:
        case "options":
            record["job"]["request"]["options"]["language"] = "nl"
        case "progress":
            record["job"]["progress"] = {**json.loads(progress_fragment(Progress())), "phase": "TRANSLATE"}
        case "result":
            record["job"]["state"] = "SUCCEEDED"
            record["result"] = {
                "page_count": 1,
                "word_count": 1,
                "char_count": 1,
                "summary": "",
                "processing_seconds": 1,
                "sha256": "",
                "size_bytes": 1,
                "engine": "",
                "metadata": {},
                "warnings": [],
                "language": "nl",
            }
    assert parse_record(json.dumps(record)).id == "id"
