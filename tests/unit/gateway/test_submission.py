"""What may be submitted."""

import dataclasses

import pytest

from gateway.errors import Reason, Refusal
from gateway.settings import Settings
from gateway.submission import Submission, check

SETTINGS = Settings()
PDF = b"%PDF-1.7 and more"
GOOD = Submission(url="https://example.com/a.pdf")


def refused_fields(submission: Submission, settings: Settings = SETTINGS) -> list[str]:
    """The fields that the refusal names."""
    with pytest.raises(Refusal) as refused:
        check(submission, settings)
    assert refused.value.reason is Reason.INVALID_ARGUMENT
    return [violation.field for violation in refused.value.violations]


@pytest.mark.parametrize(
    ("submission", "field"),
    [
        (Submission(), "source"),
        (Submission(url="https://example.com/", content=PDF), "source"),
        (Submission(url=""), "url"),
        (Submission(url="ftp://example.com/a.pdf"), "url"),
        (Submission(url="file:///etc/passwd"), "url"),
        (Submission(url="https://user:secret@example.com/a.pdf"), "url"),
        (Submission(url="https://example.com/" + "a" * 2048), "url"),
        (Submission(url="http://127.0.0.1/a.pdf"), "url"),
        (Submission(url="http://169.254.169.254/latest"), "url"),
        (Submission(url="http://localhost:8000/"), "url"),
        (Submission(url="http://[::1]/"), "url"),
        (Submission(content=b""), "content"),
        (Submission(content=b"<html>"), "content"),
        (dataclasses.replace(GOOD, max_summary_paragraphs=-1), "options.max_summary_paragraphs"),
        (dataclasses.replace(GOOD, max_summary_paragraphs=101), "options.max_summary_paragraphs"),
        (dataclasses.replace(GOOD, request_id="a" * 129), "request_id"),
        (dataclasses.replace(GOOD, request_id="a b"), "request_id"),
        (dataclasses.replace(GOOD, request_id="ä"), "request_id"),
        (dataclasses.replace(GOOD, deadline_seconds=0), "deadline"),
        (dataclasses.replace(GOOD, deadline_seconds=-1), "deadline"),
        (dataclasses.replace(GOOD, deadline_seconds=1e9), "deadline"),
        (dataclasses.replace(GOOD, deadline_seconds=float("nan")), "deadline"),
        (dataclasses.replace(GOOD, filename="a" * 256), "filename"),
        (dataclasses.replace(GOOD, filename="a\nb"), "filename"),
        (dataclasses.replace(GOOD, labels={"": "x"}), "labels"),
        (dataclasses.replace(GOOD, labels={"k" * 64: "x"}), "labels"),
        (dataclasses.replace(GOOD, labels={"k": "v" * 256}), "labels"),
        (dataclasses.replace(GOOD, labels={"k": "\ud800"}), "labels"),
        (dataclasses.replace(GOOD, labels={f"k{n}": "" for n in range(33)}), "labels"),
        (dataclasses.replace(GOOD, labels={f"k{n}": "v" * 250 for n in range(5)}), "labels"),
    ],
)
def test_a_wrong_field_is_named(submission: Submission, field: str) -> None:
    """Each rule refuses what breaks it, and says which field it is."""
    assert refused_fields(submission) == [field]


def test_all_wrong_fields_are_named_at_once() -> None:
    """Nobody has to send a request three times to learn of three mistakes."""
    submission = Submission(url="ftp://x", max_summary_paragraphs=-1, request_id="a b")
    assert refused_fields(submission) == ["url", "options.max_summary_paragraphs", "request_id"]


@pytest.mark.parametrize("paragraphs", [0, 1, 100])
def test_the_limits_themselves_are_allowed(paragraphs: int) -> None:
    """A limit is the last value that is allowed."""
    submission = dataclasses.replace(
        GOOD,
        max_summary_paragraphs=paragraphs,
        request_id="a" * 128,
        labels={"k" * 63: "v" * 255, **{f"k{n}": "" for n in range(31)}},
        deadline_seconds=SETTINGS.retention_seconds,
        filename="f" * 255,
    )
    assert check(submission, SETTINGS).options.max_summary_paragraphs == paragraphs


def test_what_is_unset_has_its_default() -> None:
    """Three paragraphs, no deadline, no key."""
    checked = check(GOOD, SETTINGS)
    assert checked.options.max_summary_paragraphs == 3
    assert checked.deadline_seconds is None
    assert checked.url is not None
    assert checked.content is None


def test_content_over_the_limit_is_too_large() -> None:
    """Size is a refusal of its own, which HTTP answers with 413."""
    with pytest.raises(Refusal) as refused:
        check(Submission(content=PDF), Settings(pdf_bytes_max=len(PDF) - 1))
    assert refused.value.reason is Reason.CONTENT_TOO_LARGE
    assert check(Submission(content=PDF), Settings(pdf_bytes_max=len(PDF))).content == PDF


def test_private_addresses_are_allowed_only_by_the_setting() -> None:
    """For development, loopback can be opened."""
    submission = Submission(url="http://127.0.0.1:8080/a.pdf")
    assert check(submission, Settings(allow_private_networks=True)).url is not None


def test_a_refusal_does_not_repeat_secrets() -> None:
    """A URL that is refused for its credentials is not quoted."""
    with pytest.raises(Refusal) as refused:
        check(Submission(url="https://user:hunter2@example.com/"), SETTINGS)
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://example.com/b.pdf"},
        {"max_summary_paragraphs": 4},
        {"labels": {"a": "b"}},
        {"deadline_seconds": 5.0},
        {"filename": "x.pdf"},
    ],
)
def test_the_digest_tells_requests_apart(change: dict[str, object]) -> None:
    """Whatever the job depends on is in the digest, and nothing else: a request_id is not."""
    one = check(GOOD, SETTINGS).digest
    assert check(dataclasses.replace(GOOD, **change), SETTINGS).digest != one  # type: ignore[arg-type]  # names of fields
    assert check(dataclasses.replace(GOOD, request_id="key", max_summary_paragraphs=3), SETTINGS).digest == one
