"""What may be submitted: every rule about a submission's fields, as pure functions."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.errors import FieldViolation, Reason, Refusal, invalid
from gateway.settings import Settings
from workers.fetch.pdf_header import has_pdf_header
from workers.fetch.source_url import SourceUrl, SourceUrlError, refusal_before_dns
from workers.jobs.job import ProcessingOptions
from workers.record.document import options_json
from workers.record.requests import result_key

SUMMARY_PARAGRAPHS_DEFAULT = 3
SUMMARY_PARAGRAPHS_MAX = 100
REQUEST_ID_LENGTH_MAX = 128
LABELS_MAX = 32
LABELS_LENGTH_MAX = 1_000
"""Characters of all labels together: they are in the job's record, which is written with each change."""
LABEL_KEY_LENGTH_MAX = 63
LABEL_VALUE_LENGTH_MAX = 255
FILENAME_LENGTH_MAX = 255
RETENTION_SECONDS_MIN = 60
RETENTION_SECONDS_MAX = 30 * 86_400

_REQUEST_ID = re.compile(r"[\x21-\x7e]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submission as it came, on either protocol; nothing is checked yet."""

    url: str | None = None
    content: bytes | None = field(default=None, repr=False)
    filename: str = ""
    max_summary_paragraphs: int | None = None
    request_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    deadline_seconds: float | None = None
    retention_seconds: float | None = None
    reuse_result: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSubmission:
    """A submission that may be accepted: exactly one of `url` and `content` is set."""

    url: SourceUrl | None
    content: bytes | None = field(repr=False)
    filename: str
    options: ProcessingOptions
    request_id: str
    labels: dict[str, str]
    deadline_seconds: float | None
    retention_seconds: float
    reuse_result: bool
    content_sha256: str
    """SHA-256 of `content`; empty for a URL."""
    digest: str
    """SHA-256 of all that the job depends on: equal for equal submissions."""

    @property
    def result_key(self) -> str | None:
        """Equal for uploads with equal bytes and options, whose results are the same; None for a URL."""
        if self.url is not None:
            return None
        options = json.dumps(options_json(self.options), sort_keys=True)
        return result_key(self.content_sha256, hashlib.sha256(options.encode()).hexdigest()[:16])


def check(submission: Submission, settings: Settings) -> CheckedSubmission:
    """The submission, if nothing is wrong with it.

    Raises:
        Refusal: INVALID_ARGUMENT, naming every field that is wrong; or CONTENT_TOO_LARGE.
    """
    violations: list[FieldViolation] = []

    def wrong(name: str, description: str) -> None:
        violations.append(FieldViolation(name, description))

    url = _check_source(submission, settings, wrong)
    paragraphs = submission.max_summary_paragraphs
    if paragraphs is None:
        paragraphs = SUMMARY_PARAGRAPHS_DEFAULT
    if not 0 <= paragraphs <= SUMMARY_PARAGRAPHS_MAX:
        wrong("options.max_summary_paragraphs", f"must be from 0 to {SUMMARY_PARAGRAPHS_MAX}, is {paragraphs}")
    if len(submission.request_id) > REQUEST_ID_LENGTH_MAX or not _REQUEST_ID.fullmatch(submission.request_id):
        wrong("request_id", f"must be at most {REQUEST_ID_LENGTH_MAX} printable ASCII characters without spaces")
    retention = submission.retention_seconds
    if retention is None:
        retention = settings.retention_seconds
    elif not RETENTION_SECONDS_MIN <= retention <= RETENTION_SECONDS_MAX:
        wrong("retention", f"must be from {RETENTION_SECONDS_MIN} s to {RETENTION_SECONDS_MAX} s")
    deadline = submission.deadline_seconds
    if deadline is not None and not 0 < deadline <= retention:
        wrong("deadline", f"must be more than 0 s and at most the retention of {retention:.0f} s")
    if submission.reuse_result and submission.content is None:
        wrong("reuse_result", "is for content: what a URL leads to is not known beforehand")
    if not _is_text(submission.filename, FILENAME_LENGTH_MAX):
        wrong("filename", f"must be at most {FILENAME_LENGTH_MAX} printable characters")
    _check_labels(submission.labels, wrong)
    if violations:
        raise invalid(*violations)
    content_sha256 = hashlib.sha256(submission.content).hexdigest() if submission.content else ""
    return CheckedSubmission(
        url=url,
        content=submission.content if url is None else None,
        filename=submission.filename,
        options=ProcessingOptions(max_summary_paragraphs=paragraphs),
        request_id=submission.request_id,
        labels=dict(submission.labels),
        deadline_seconds=deadline,
        retention_seconds=retention,
        reuse_result=submission.reuse_result,
        content_sha256=content_sha256,
        digest=_digest(submission, content_sha256, paragraphs),
    )


def _check_source(submission: Submission, settings: Settings, wrong: Callable[[str, str], None]) -> SourceUrl | None:
    if (submission.url is None) == (submission.content is None):
        wrong("source", "set exactly one of url and content")
        return None
    if submission.content is not None:
        if len(submission.content) > settings.pdf_bytes_max:
            raise Refusal(
                Reason.CONTENT_TOO_LARGE,
                f"The PDF has {len(submission.content)} bytes; at most {settings.pdf_bytes_max} are allowed.",
            )
        if not has_pdf_header(submission.content):
            wrong("content", "holds no PDF: there is no %PDF- in its first 1,024 bytes")
        return None
    try:
        url = SourceUrl.parse(submission.url or "")
    except SourceUrlError as error:
        wrong("url", str(error))
        return None
    if refusal := refusal_before_dns(url, allow_private=settings.allow_private_networks):
        wrong("url", f"leads to {refusal}, where this gateway does not fetch from")
    return url


def _check_labels(labels: Mapping[str, str], wrong: Callable[[str, str], None]) -> None:
    if len(labels) > LABELS_MAX:
        wrong("labels", f"must be at most {LABELS_MAX}, are {len(labels)}")
    if not all(key and _is_text(key, LABEL_KEY_LENGTH_MAX) for key in labels):
        wrong("labels", f"every key must have 1 to {LABEL_KEY_LENGTH_MAX} printable characters")
    if not all(_is_text(value, LABEL_VALUE_LENGTH_MAX) for value in labels.values()):
        wrong("labels", f"every value must be at most {LABEL_VALUE_LENGTH_MAX} printable characters")
    if sum(len(key) + len(value) for key, value in labels.items()) > LABELS_LENGTH_MAX:
        wrong("labels", f"must be at most {LABELS_LENGTH_MAX} characters in all")


def _is_text(text: str, length_max: int) -> bool:
    # Lone surrogates, which JSON can carry and UTF-8 cannot, are not printable either.
    return len(text) <= length_max and text.isprintable()


def _digest(submission: Submission, content_sha256: str, paragraphs: int) -> str:
    parts = {
        "url": submission.url,
        "content": content_sha256,
        "filename": submission.filename,
        "paragraphs": paragraphs,
        "labels": dict(submission.labels),
        "deadline": submission.deadline_seconds,
        "retention": submission.retention_seconds,
        "reuse_result": submission.reuse_result,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
