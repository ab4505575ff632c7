"""The fetch's decisions about answers, headers, time and logs, without any network."""

import logging

import pytest

from workers.fetch.cutoff import Cutoff, FetchStopped
from workers.fetch.log_redaction import QueryRedaction
from workers.fetch.origin_answer import declared_size_bytes, media_type, reason_of_status, redirected
from workers.fetch.pdf_header import has_pdf_header
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FAILURE_RULES, FailureReason, JobFailure, Phase

HERE = SourceUrl.parse("https://example.com/a.pdf?SECRET")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, None),
        (204, FailureReason.SOURCE_REFUSED),
        (206, FailureReason.SOURCE_REFUSED),
        (300, FailureReason.SOURCE_REFUSED),
        (302, FailureReason.SOURCE_REFUSED),
        (304, FailureReason.SOURCE_REFUSED),
        (400, FailureReason.SOURCE_REFUSED),
        (401, FailureReason.SOURCE_DENIED),
        (402, FailureReason.SOURCE_REFUSED),
        (403, FailureReason.SOURCE_DENIED),
        (404, FailureReason.SOURCE_NOT_FOUND),
        (405, FailureReason.SOURCE_REFUSED),
        (407, FailureReason.SOURCE_DENIED),
        (408, FailureReason.SOURCE_UNAVAILABLE),
        (410, FailureReason.SOURCE_NOT_FOUND),
        (416, FailureReason.SOURCE_REFUSED),
        (425, FailureReason.SOURCE_UNAVAILABLE),
        (429, FailureReason.SOURCE_UNAVAILABLE),
        (451, FailureReason.SOURCE_REFUSED),
        (500, FailureReason.SOURCE_UNAVAILABLE),
        (503, FailureReason.SOURCE_UNAVAILABLE),
        (599, FailureReason.SOURCE_UNAVAILABLE),
        (600, FailureReason.SOURCE_REFUSED),
    ],
)
def test_each_status_has_its_reason(status: int, reason: FailureReason | None) -> None:
    """Only 200 brings a PDF; a status is retried only where a repeat may change it."""
    assert reason_of_status(status) is reason


def test_every_reason_of_a_status_is_of_the_fetch() -> None:
    """A job that fails by a status says that it failed while fetching."""
    reasons = {reason_of_status(status) for status in range(201, 1000)} - {None}
    assert {FAILURE_RULES[reason].phase for reason in reasons if reason} == {Phase.FETCH}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_to_its_location(status: int) -> None:
    """RFC 9110, section 15.4: the statuses that say where the PDF is."""
    target = redirected(HERE, status, {"Location": "/b.pdf"})
    assert target is not None
    assert target.text == "https://example.com/b.pdf"


@pytest.mark.parametrize(("status", "headers"), [(200, {"Location": "/b"}), (304, {"Location": "/b"}), (302, {})])
def test_other_answers_redirect_nowhere(status: int, headers: dict[str, str]) -> None:
    """A Location means something in a redirect only, and a redirect needs one."""
    assert redirected(HERE, status, headers) is None


@pytest.mark.parametrize(
    "location",
    ["http://example.com/b.pdf", "file:///etc/passwd", "https://u:p@example.com/", "/\xff", "https://127.1/"],
)
def test_a_redirect_that_is_not_followed_is_forbidden(location: str) -> None:
    """To lose TLS, to leave http(s), to carry credentials or to be spelt oddly ends the fetch."""
    with pytest.raises(JobFailure) as failure:
        redirected(HERE, 302, {"Location": location})
    assert failure.value.reason is FailureReason.FORBIDDEN_URL
    assert "SECRET" not in str(failure.value)


def test_a_redirect_to_tls_is_followed() -> None:
    """The usual first hop of the web."""
    target = redirected(SourceUrl.parse("http://example.com/"), 301, {"Location": "https://example.com/"})
    assert target is not None
    assert target.scheme == "https"


def test_a_location_in_utf_8_is_read_as_such() -> None:
    """`http.client` hands over Latin-1; what origins mean is UTF-8."""
    target = redirected(HERE, 302, {"Location": "/größe.pdf".encode().decode("latin-1")})
    assert target is not None
    assert target.path == "/gr%C3%B6%C3%9Fe.pdf"


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0", 0),
        ("12", 12),
        (" 12 ", 12),
        ("", None),
        ("-1", None),
        ("1e3", None),
        ("5, 5", None),
        ("²", None),
    ],
)
def test_a_declared_size_counts_if_it_is_a_number(text: str, size_bytes: int | None) -> None:
    """What is no plain number declares nothing; the body is counted in any case."""
    assert declared_size_bytes({"Content-Length": text}) == size_bytes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("application/pdf", "application/pdf"),
        ("Text/HTML; charset=utf-8", "text/html"),
        ("image/svg+xml", "image/svg+xml"),
        ("", None),
        ("pdf", None),
        ("text/<script>", None),
        ("text/html\x1b[31m", None),
        ("x/" + "y" * 200, None),
    ],
)
def test_a_media_type_is_shown_if_it_looks_like_one(text: str, shown: str | None) -> None:
    """The origin's own words go into messages only where they can do no harm."""
    assert media_type({"Content-Type": text}) == shown


@pytest.mark.parametrize(
    ("head", "is_pdf"),
    [
        (b"%PDF-1.7\n", True),
        (b"%PDF-", True),
        (b"\xef\xbb\xbf%PDF-1.4", True),
        (b"x" * 1019 + b"%PDF-1.4", True),
        (b"x" * 1020 + b"%PDF-1.4", False),
        (b"", False),
        (b"%PDF", False),
        (b"%pdf-1.7", False),
        (b"<!doctype html>", False),
    ],
)
def test_a_pdf_has_its_header_in_the_first_1024_bytes(head: bytes, is_pdf: bool) -> None:
    """The header lies wholly within the first 1,024 bytes, whatever stands in front of it."""
    assert has_pdf_header(head) is is_pdf


class Clock:
    """A clock that is set by hand."""

    seconds = 1000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.seconds


def test_the_cutoff_comes_at_the_deadline() -> None:
    """A fetch has its seconds, all of them, and no more."""
    clock = Clock()
    cutoff = Cutoff(HERE, 30, lambda: False, clock)
    clock.seconds += 29.9
    cutoff.check()
    clock.seconds += 0.1
    with pytest.raises(JobFailure, match="was not fetched within 30 s") as failure:
        cutoff.check()
    assert failure.value.reason is FailureReason.SOURCE_TOO_SLOW
    assert "SECRET" not in str(failure.value)


def test_a_stop_goes_before_the_deadline() -> None:
    """Who cancels learns that it was cancelled, not that it was slow."""
    clock = Clock()
    cutoff = Cutoff(HERE, 30, lambda: True, clock)
    clock.seconds += 31
    with pytest.raises(FetchStopped):
        cutoff.check()


def test_a_wait_is_repeated_until_it_answers() -> None:
    """A slice that ends without an answer is followed by the next."""
    attempts: list[int] = []

    def attempt() -> int:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise TimeoutError
        return 7

    assert Cutoff(HERE, 30, lambda: False).slice_by_slice(attempt) == 7
    assert len(attempts) == 3


def test_a_wait_without_answer_ends_at_the_cutoff() -> None:
    """The slices add up to the deadline."""
    clock = Clock()

    def attempt() -> None:
        clock.seconds += 0.25
        raise TimeoutError

    with pytest.raises(JobFailure):
        Cutoff(HERE, 1, lambda: False, clock).slice_by_slice(attempt)
    assert clock.seconds == 1001


def test_library_logs_lose_their_query_strings() -> None:
    """What urllib3 logs of a request keeps its path and loses its secrets."""
    record = logging.LogRecord(
        "urllib3.connectionpool",
        logging.DEBUG,
        "",
        0,
        '%s "%s" %s',
        ("host", "/a.pdf?sig=SECRET&b", 200),
        None,
    )
    assert QueryRedaction().filter(record)
    assert record.getMessage() == 'host "/a.pdf?…" 200'


def test_library_logs_lose_the_query_strings_of_errors() -> None:
    """An error that is logged may quote a header, and that the URL that an origin redirects to."""
    error = ValueError("unparsed: Location: https://x.test/?sig=SECRET")
    raised = (ValueError, error, None)
    record = logging.LogRecord("urllib3.connection", logging.WARNING, "", 0, "failed: %s", (error,), raised)
    assert "SECRET" in logging.Formatter().format(record)
    record.exc_text = None
    assert QueryRedaction().filter(record)
    assert "SECRET" not in logging.Formatter().format(record)
