"""A job in words: as a line, as a text with its summary, and as JSON. Pure."""

import json
import unicodedata
from dataclasses import asdict
from datetime import datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from rich.filesize import decimal

from pdfgateway.job import Job, JobError, JobState, Phase

_JSON: TypeAlias = "dict[str, _JSON] | list[_JSON] | tuple[_JSON, ...] | str | int | float | None"

_PHASE_WORDS = {Phase.QUEUE: "waiting", Phase.SUMMARIZE: "summarizing"}


def job_json(job: Job) -> str:
    """Return the job as one line of JSON: the document of the gateway's HTTP side, without unset fields."""
    document = asdict(job)
    if document["result"] is not None:
        document["result"]["processing_time"] = f"{document['result'].pop('processing_seconds'):.6f}s"
    return json.dumps(_without_unset(document), ensure_ascii=False, default=_json_time)


def _without_unset(value: _JSON) -> _JSON:
    """Return a value without the fields of its objects that are None."""
    if isinstance(value, dict):
        return {key: _without_unset(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_unset(item) for item in value]
    return value


def _json_time(time: datetime) -> str:
    """Return a time in UTC by RFC 3339."""
    return time.isoformat().replace("+00:00", "Z")


def job_line(job: Job) -> str:
    """Return the job as one line: its id, its state, while it is queued what it is, and what there is to say."""
    words = [job_name(job) if job.state is JobState.QUEUED else "", job_detail(job)]
    return f"{job.id}  {job.state:<10}  {', '.join(word for word in words if word)}".rstrip()


def job_text(job: Job) -> str:
    """Return the job as a line, and below it, indented, the summary if it has one."""
    summary = printable(job.result.summary) if job.result is not None else ""
    indented = ["    " + line if line else "" for line in summary.splitlines()]
    return "\n".join([job_line(job), *(["", *indented, ""] if indented else [])])


def job_name(job: Job) -> str:
    """Return what the job's source is called, by its URL or file name; empty where it has none."""
    return one_line(job.source.upload.filename if job.source.upload else job.source.url or "")


def job_detail(job: Job) -> str:
    """Return, in a few words on one line, what there is to say about a job beside its state."""
    match job.state:
        case JobState.QUEUED:
            return f"about {_count(job.queue_position, 'job')} before it" if job.queue_position else ""
        case JobState.RUNNING:
            return f"{_progress_detail(job)}{_attempt_detail(job)}"
        case JobState.RETRYING:
            when = f", again at {_json_time(job.next_attempt_time)}" if job.next_attempt_time else ""
            return f"{_error_detail(job.last_error)}{when}{_attempt_detail(job)}"
        case JobState.SUCCEEDED if job.result is not None:
            warnings = "".join(f"; {one_line(warning.message)}" for warning in job.result.warnings)
            return f"{_count(job.result.page_count, 'page')}, {_count(job.result.word_count, 'word')}{warnings}"
        case JobState.FAILED:
            return _error_detail(job.error)
        case _:
            return ""


def _progress_detail(job: Job) -> str:
    """Return how far a running job has come."""
    progress = job.progress
    if progress is None:
        return "starting"
    if progress.phase is Phase.EXTRACT:
        pages = f" of {progress.page_count}" if progress.page_count is not None else ""
        return f"page {progress.pages_done}{pages}"
    if progress.phase is Phase.FETCH:
        return f"fetching, {decimal(progress.bytes_fetched)}"
    return _PHASE_WORDS.get(progress.phase, "working")


def _attempt_detail(job: Job) -> str:
    """Return which attempt it is, where it is not the first one."""
    return f", attempt {job.attempt} of {job.max_attempts}" if job.attempt > 1 else ""


def _error_detail(error: JobError | None) -> str:
    """Return why an attempt failed."""
    return f"{error.reason}: {one_line(error.message)}" if error is not None else ""


def _count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def source_name(source: str) -> str:
    """Return how a source may be shown: a URL without user information, query and fragment."""
    if "://" not in source:
        return one_line(source)
    try:
        parts = urlsplit(source)
    except ValueError:
        return "a malformed URL"
    return one_line(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def printable(text: str) -> str:
    """Return a text without the control characters by which it could command a terminal; lines stay."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _commands(char) else char for char in text)


def _commands(char: str) -> bool:
    """Whether a character is a control other than the end of a line or a tab, or half of a surrogate pair."""
    return char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cs")


def one_line(text: str) -> str:
    """Return a text as one printable line of at most 500 characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= 500 else line[:499] + "…"
