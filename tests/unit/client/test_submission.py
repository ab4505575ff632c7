"""What is submitted."""

import os
from pathlib import Path

import pytest

from pdfgateway.errors import ContentTooLarge, InvalidArgument
from pdfgateway.submission import MESSAGE_BYTES_MAX, read_source, submit_request
from pdfgateway.v1.pdf_gateway_service_pb2 import SubmitPDFRequest


def request_for(
    source: str | bytes,
    *,
    max_summary_paragraphs: int | None = None,
    labels: dict[str, str] | None = None,
    deadline_seconds: float | None = None,
    filename: str | None = None,
    reuse_result: bool = False,
    retention_seconds: float | None = None,
) -> SubmitPDFRequest:
    """A request with defaults."""
    return submit_request(
        source,
        request_id="r",
        max_summary_paragraphs=max_summary_paragraphs,
        labels=labels,
        deadline_seconds=deadline_seconds,
        filename=filename,
        reuse_result=reuse_result,
        retention_seconds=retention_seconds,
    )


def test_a_str_is_a_url() -> None:
    """The URL is sent as it is; what is wrong with it is for the gateway to say."""
    request = request_for("ftp://example.com/paper.pdf")
    assert (request.WhichOneof("source"), request.url) == ("url", "ftp://example.com/paper.pdf")


def test_bytes_are_content_even_if_empty() -> None:
    """No bytes are content too: the gateway names the field in its refusal."""
    assert request_for(b"").WhichOneof("source") == "content"
    assert request_for(b"%PDF-", filename="a.pdf").filename == "a.pdf"


def test_a_str_that_is_no_url_is_refused_with_a_hint() -> None:
    """Who passes a path as a str is told how to pass it, without the str being repeated."""
    with pytest.raises(InvalidArgument, match=r"pathlib\.Path") as refused:
        request_for("secret-paper.pdf")
    assert [violation.field for violation in refused.value.field_violations] == ["url"]
    assert "secret-paper" not in str(refused.value)


def test_what_is_not_given_is_not_set() -> None:
    """The gateway's defaults hold where the caller says nothing."""
    request = request_for("https://example.com/a.pdf")
    assert not request.HasField("deadline")
    assert not request.HasField("retention")
    assert not request.reuse_result
    assert not request.options.HasField("max_summary_paragraphs")
    assert dict(request.labels) == {}


def test_what_is_given_is_set() -> None:
    """Zero paragraphs are not the same as none given."""
    request = request_for(
        "https://example.com/a.pdf", max_summary_paragraphs=0, labels={"team": "a"}, deadline_seconds=1.5
    )
    assert request.options.HasField("max_summary_paragraphs")
    assert (request.deadline.seconds, request.deadline.nanos) == (1, 500_000_000)
    assert (dict(request.labels), request.request_id) == ({"team": "a"}, "r")
    kept = request_for(b"%PDF-", reuse_result=True, retention_seconds=90.25)
    assert (kept.reuse_result, kept.retention.ToMilliseconds()) == (True, 90_250)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e30])
def test_a_duration_that_is_no_time_is_refused(seconds: float) -> None:
    """Numbers that no message can hold are the caller's mistake, not a crash."""
    with pytest.raises(InvalidArgument):
        request_for("https://example.com/a.pdf", deadline_seconds=seconds)
    with pytest.raises(InvalidArgument):
        request_for("https://example.com/a.pdf", retention_seconds=seconds)


def test_a_number_that_does_not_fit_is_refused() -> None:
    """The same for integers."""
    with pytest.raises(InvalidArgument):
        request_for("https://example.com/a.pdf", max_summary_paragraphs=2**40)


@pytest.mark.parametrize(("size_bytes", "fits"), [(MESSAGE_BYTES_MAX - 100, True), (MESSAGE_BYTES_MAX, False)])
def test_the_whole_message_has_a_limit(size_bytes: int, fits: bool) -> None:
    """A message over the limit is not sent, and the error says what to do instead."""
    if fits:
        assert len(request_for(b"%" * size_bytes).content) == size_bytes
    else:
        with pytest.raises(ContentTooLarge, match="submit a URL, or use HTTP"):
            request_for(b"%" * size_bytes)


def test_a_path_is_a_file(tmp_path: Path) -> None:
    """A file is sent with its name."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.7")
    assert read_source(path) == (b"%PDF-1.7", "paper.pdf")


def test_a_file_is_read_no_further_than_needed(tmp_path: Path) -> None:
    """A huge file costs no more memory than one byte over the limit."""
    path = tmp_path / "huge.pdf"
    path.touch()
    os.truncate(path, 10 * MESSAGE_BYTES_MAX)
    content, _ = read_source(path)
    assert len(content) == MESSAGE_BYTES_MAX + 1


def test_a_file_name_in_another_encoding_can_be_sent(tmp_path: Path) -> None:
    """Names need not be UTF-8 on disk; messages need it."""
    path = tmp_path / os.fsdecode(b"caf\xe9.pdf")
    path.write_bytes(b"%PDF-1.7")
    content, name = read_source(path)
    assert request_for(content, filename=name).filename == "caf?.pdf"


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    """Files fail as files do."""
    with pytest.raises(FileNotFoundError):
        read_source(tmp_path / "none.pdf")
