"""The record as stored: the JSON that Celery calls a task's meta, with the job beside it. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from workers.jobs.failure import JobFailure, Phase
from workers.jobs.job import (
    Attempt,
    Job,
    JobError,
    PDFResult,
    ProcessingOptions,
    Progress,
    ResultWarning,
    UploadSource,
    UrlSource,
)
from workers.jobs.state import AttemptState, JobState

Json = Mapping[str, Any]
"""Parsed JSON; its values are checked where they are taken out."""


class RecordCorrupt(ValueError):
    """A stored record does not hold what this version, or one before it, writes."""


def fragment(value: object) -> str:
    """A value as compact JSON: a piece that the transition script puts into the record unread."""
    return json.dumps(value, separators=(",", ":"))


def request_fragment(source: UrlSource | UploadSource, options: ProcessingOptions, labels: Mapping[str, str]) -> str:
    """What was asked for, as the record shows it."""
    return fragment(
        {
            "source": {"url": source.display_url}
            if isinstance(source, UrlSource)
            else {"filename": source.filename, "size_bytes": source.size_bytes, "sha256": source.sha256},
            "options": options_json(options),
            "labels": dict(labels),
        }
    )


def options_json(options: ProcessingOptions) -> dict[str, int]:
    """The options, as JSON has them."""
    return {"max_summary_paragraphs": options.max_summary_paragraphs}


def progress_fragment(progress: Progress) -> str:
    """How far an attempt is; also what Celery shows as the info of a task in PROGRESS."""
    return fragment(
        {
            "phase": progress.phase.value,
            "pages_done": progress.pages_done,
            "page_count": progress.page_count,
            "bytes_fetched": progress.bytes_fetched,
        }
    )


def error_fragment(failure: JobFailure) -> str:
    """A failure's arguments: reason, message, phase."""
    return fragment(failure.args)


def exception_fragment(failure: JobFailure) -> str:
    """A failure in the form that Celery stores exceptions in, so that `AsyncResult` raises it again."""
    kind = type(failure)
    return fragment({"exc_type": kind.__name__, "exc_message": failure.args, "exc_module": kind.__module__})


REVOKED_FRAGMENT = fragment(
    {"exc_type": "TaskRevokedError", "exc_message": ["cancelled"], "exc_module": "celery.exceptions"}
)
"""What Celery stores of a task that was revoked."""


def result_json(result: PDFResult) -> dict[str, Any]:
    """A result as Celery stores it: what the handler returns."""
    return {
        "page_count": result.page_count,
        "word_count": result.word_count,
        "char_count": result.char_count,
        "summary": result.summary,
        "processing_seconds": result.processing_seconds,
        "sha256": result.sha256,
        "size_bytes": result.size_bytes,
        "engine": result.engine,
        "metadata": dict(result.metadata),
        "warnings": [{"reason": w.reason, "message": w.message, "pages": list(w.pages)} for w in result.warnings],
    }


def date_done() -> str:
    """The time as Celery writes it beside a state; informal, by this host's clock."""
    return datetime.now(UTC).isoformat()


def parse_record(raw: bytes | str) -> Job:
    """The job that a record holds.

    Raises:
        RecordCorrupt: it is not such a record.
    """
    try:
        meta = json.loads(raw)
        job = meta["job"]
        state = JobState(job["state"])
        request = job["request"]
        return Job(
            id=meta["task_id"],
            state=state,
            seq=job["seq"],
            source=_source(request["source"]),
            options=ProcessingOptions(**_known(ProcessingOptions, request["options"])),
            labels=request["labels"],
            create_time_us=job["create_time_us"],
            update_time_us=job["update_time_us"],
            expire_time_us=job["expire_time_us"],
            start_time_us=job.get("start_time_us"),
            end_time_us=job.get("end_time_us"),
            next_attempt_time_us=job.get("next_attempt_time_us"),
            deadline_time_us=job.get("deadline_time_us"),
            run=job["run"],
            attempt=job["attempt"],
            max_attempts=job["max_attempts"],
            progress=_progress(job.get("progress")),
            last_error=JobError.from_stored(*job["last_error"]) if job.get("last_error") else None,
            result=_result(meta["result"]) if state is JobState.SUCCEEDED else None,
            attempts=parse_attempts(job.get("attempts", [])),
            reused_job_id=job.get("reused_job_id", ""),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RecordCorrupt(f"a job's record cannot be read: {type(error).__name__}") from error


def parse_attempts(stored: Sequence[Json]) -> tuple[Attempt, ...]:
    """The attempts that a record, a lease or a dead letter tells of.

    Raises:
        ValueError, KeyError, TypeError: they are none.
    """
    return tuple(
        Attempt(
            run=one["run"],
            attempt=one["attempt"],
            state=AttemptState(one["state"]),
            worker=one["worker"],
            start_time_us=one["start_time_us"],
            end_time_us=one.get("end_time_us"),
            error=JobError.from_stored(*one["error"]) if one.get("error") else None,
        )
        for one in stored
    )


def _source(stored: Json) -> UrlSource | UploadSource:
    if "url" in stored:
        return UrlSource(display_url=stored["url"])
    return UploadSource(filename=stored["filename"], size_bytes=stored["size_bytes"], sha256=stored["sha256"])


def _progress(stored: Json | None) -> Progress | None:
    if stored is None:
        return None
    return Progress(
        phase=Phase(stored["phase"]) if stored["phase"] in Phase.__members__ else Phase.EXTRACT,
        pages_done=stored["pages_done"],
        page_count=stored["page_count"],
        bytes_fetched=stored["bytes_fetched"],
    )


def _result(stored: Json) -> PDFResult:
    warnings = tuple(
        ResultWarning(reason=w["reason"], message=w["message"], pages=tuple(w["pages"])) for w in stored["warnings"]
    )
    return PDFResult(**{**_known(PDFResult, stored), "warnings": warnings})


def _known(kind: type[ProcessingOptions] | type[PDFResult], stored: Json) -> Json:
    """The fields that this version knows: during a rollout a newer one writes to the same records."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in stored.items() if name in names}
