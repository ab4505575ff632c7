"""A job in words: as a line, as a text with its summary, as cells of a table, and as JSON. Pure."""

from dataclasses import asdict
from datetime import datetime
from urllib.parse import urlsplit

from rich.filesize import decimal

from pdfgateway.cli.json_line import json_line, time_text
from pdfgateway.cli.moments import age_text
from pdfgateway.cli.printable import one_line, printable
from pdfgateway.job import Attempt, AttemptState, Job, JobError, JobState, Phase

_PHASE_WORDS = {Phase.QUEUE: "waiting", Phase.SUMMARIZE: "summarizing"}


def job_json(job: Job) -> str:
    """Return the job as one line of JSON: the document of the gateway's HTTP side, without unset fields."""
    document = asdict(job)
    if document["result"] is not None:
        document["result"]["processing_time"] = f"{document['result'].pop('processing_seconds'):.6f}s"
    return json_line(document)


def job_line(job: Job) -> str:
    """Return the job as one line: its id, its state, while it is queued what it is, and what there is to say."""
    words = [job_name(job) if job.state is JobState.QUEUED else "", job_detail(job)]
    return f"{job.id}  {job.state:<10}  {', '.join(word for word in words if word)}".rstrip()


def listed_job_line(job: Job) -> str:
    """Return the job as one line of a list: as `job_line`, but with when it was accepted and always what it is."""
    words = [job_name(job), job_detail(job)]
    told = ", ".join(word for word in words if word)
    return f"{job.id}  {job.state:<10}  {time_text(job.create_time)}  {told}".rstrip()


def job_cells(job: Job, now: datetime) -> tuple[str, ...]:
    """Return the cells of a job's row: its id, its state, its age, what there is to say, and what it is."""
    return job.id, job.state.value, age_text(job.create_time, now), job_detail(job), job_name(job)


def job_text(job: Job) -> str:
    """Return the job as a line, and below it, indented, the summary if it has one."""
    return "\n".join([job_line(job), *_summary_lines(job)])


def job_history_text(job: Job) -> str:
    """Return the job as a line, and below it, indented, each attempt that failed, and the summary if it has one."""
    failed = [attempt for attempt in job.attempts if attempt.state is AttemptState.FAILED]
    attempts = [f"    {_attempt_line(attempt, job.run)}" for attempt in failed]
    return "\n".join([job_line(job), *attempts, *_summary_lines(job)])


def _summary_lines(job: Job) -> list[str]:
    """Return the summary, indented, between empty lines; no lines where there is none."""
    summary = printable(job.result.summary) if job.result is not None else ""
    indented = ["    " + line if line else "" for line in summary.splitlines()]
    return ["", *indented, ""] if indented else []


def _attempt_line(attempt: Attempt, run: int) -> str:
    """Return when, where and why an attempt failed; and in which run, where the job is not in its first one."""
    of_run = f" of run {attempt.run}" if run > 1 else ""
    when = f" at {time_text(attempt.end_time)}" if attempt.end_time is not None else ""
    where = f" on {one_line(attempt.worker)}" if attempt.worker else ""
    return f"attempt {attempt.attempt}{of_run} failed{when}{where}: {_error_detail(attempt.error)}"


def job_name(job: Job) -> str:
    """Return what the job's source is called, by its URL or file name; empty where it has none."""
    return one_line(job.source.upload.filename if job.source.upload else job.source.url or "")


def job_detail(job: Job) -> str:
    """Return, in a few words on one line, what there is to say about a job beside its state."""
    match job.state:
        case JobState.QUEUED:
            return f"about {count_text(job.queue_position, 'job')} before it" if job.queue_position else ""
        case JobState.RUNNING:
            return f"{_progress_detail(job)}{_attempt_detail(job)}"
        case JobState.RETRYING:
            when = f", again at {time_text(job.next_attempt_time)}" if job.next_attempt_time else ""
            return f"{_error_detail(job.last_error)}{when}{_attempt_detail(job)}"
        case JobState.SUCCEEDED if job.result is not None:
            warnings = "".join(f"; {one_line(warning.message)}" for warning in job.result.warnings)
            return f"{count_text(job.result.page_count, 'page')}, {count_text(job.result.word_count, 'word')}{warnings}"
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


def count_text(number: int, noun: str) -> str:
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
