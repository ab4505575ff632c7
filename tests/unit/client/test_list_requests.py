"""What is asked for in lists."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from pdfgateway import InvalidArgument, JobState
from pdfgateway.list_requests import dead_letter_filter, list_jobs_request
from pdfgateway.v1 import job_pb2

UNSET: dict[str, Any] = {
    "states": (),
    "labels": None,
    "created_from": None,
    "created_before": None,
    "page_size": 50,
}
NOON = datetime(2023, 11, 14, 12, tzinfo=UTC)


def test_what_is_not_given_is_not_set() -> None:
    """A list without filters asks for all."""
    request = list_jobs_request(**UNSET)
    assert [field.name for field, _ in request.ListFields()] == ["page_size"]
    assert not dead_letter_filter(queue="", reason="", before=None).ListFields()


def test_what_is_given_is_set() -> None:
    """Each filter has its field, and times mean the same moment whatever their zone."""
    noon_elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))
    request = list_jobs_request(
        states=iter([JobState.FAILED, JobState.CANCELLING]),
        labels={"team": "a"},
        created_from=NOON,
        created_before=noon_elsewhere,
        page_size=7,
    )
    assert list(request.states) == [job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLING]
    assert (dict(request.labels), request.page_size, request.page_token) == ({"team": "a"}, 7, "")
    assert request.create_time_from == request.create_time_before
    assert request.create_time_from.seconds == NOON.timestamp()
    matching = dead_letter_filter(queue="failed_pdfs", reason="INTERNAL", before=NOON)
    assert (matching.queue, matching.reason, matching.time_before.seconds) == (
        "failed_pdfs",
        "INTERNAL",
        NOON.timestamp(),
    )


@pytest.mark.parametrize(
    "filters",
    [
        {"created_from": NOON.replace(tzinfo=None)},
        {"created_before": NOON.replace(tzinfo=None)},
        {"states": JobState.FAILED},
        {"states": ["BROKEN"]},
        {"labels": {"team": "\ud800"}},
        {"page_size": 2**31},
    ],
    ids=repr,
)
def test_what_cannot_be_sent_is_refused(filters: dict[str, Any]) -> None:
    """A time without a zone may mean any moment, and what no field holds is the caller's mistake, not a crash."""
    with pytest.raises(InvalidArgument):
        list_jobs_request(**UNSET | filters)


@pytest.mark.parametrize(
    "make",
    [
        lambda: dead_letter_filter(queue="", reason="", before=NOON.replace(tzinfo=None)),
        lambda: dead_letter_filter(queue="\ud800", reason="", before=None),
    ],
    ids=["time", "queue"],
)
def test_a_filter_that_cannot_be_sent_is_refused(make: Callable[[], object]) -> None:
    """The same for dead letters."""
    with pytest.raises(InvalidArgument):
        make()
