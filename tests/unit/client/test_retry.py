"""When a failed call is made again, and after which pause."""

import pytest

from pdfgateway import errors
from pdfgateway.retry import Backoff, CallRetries
from tests.unit.client.backoff_fakes import HIGHEST, LOWEST, Clock


@pytest.mark.parametrize(
    ("failures", "ceiling_seconds"),
    [(1, 0.2), (2, 0.4), (3, 0.8), (4, 1.6), (5, 3.2), (6, 5.0), (7, 5.0), (1000, 5.0), (10**9, 5.0)],
)
def test_the_ceiling_doubles_up_to_the_highest_one(failures: int, ceiling_seconds: float) -> None:
    """Pauses lie between zero and a ceiling that doubles with each failure, and is bounded."""
    assert HIGHEST.pause_seconds(failures, None) == pytest.approx(ceiling_seconds)
    assert LOWEST.pause_seconds(failures, None) == 0.0


def test_pauses_are_spread() -> None:
    """Clients that fail together do not come back together."""
    pauses = {Backoff().pause_seconds(6, None) for _ in range(50)}
    assert len(pauses) == 50
    assert all(0.0 <= pause <= 5.0 for pause in pauses)


def test_the_pause_that_the_gateway_asks_for_is_kept() -> None:
    """RetryInfo is the least pause; the spread comes on top."""
    error = errors.StoreUnavailable("down", retry_after_seconds=3.0)
    assert LOWEST.pause_seconds(1, error) == 3.0
    assert HIGHEST.pause_seconds(1, error) == pytest.approx(3.2)


FINAL = [
    errors.InvalidArgument("no"),
    errors.JobNotFound("no"),
    errors.JobExpired("no"),
    errors.JobAlreadyFinished("no"),
    errors.JobNotFinished("no"),
    errors.JobAlreadySucceeded("no"),
    errors.RequestIdReused("no"),
    errors.ContentTooLarge("no"),
    errors.InternalError("no"),
    errors.DeadlineExceeded("no"),
    errors.PDFGatewayError("no"),
]
REPEATED = [
    errors.Unavailable("down"),
    errors.StoreUnavailable("down"),
    errors.TooManyWatches("full"),
    errors.QueueFull("full"),
    errors.StoreFull("full"),
    errors.InternalError("fault", retry_after_seconds=0.1),
]


@pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
def test_a_refusal_is_final(error: errors.PDFGatewayError) -> None:
    """What would be refused again is not sent again."""
    assert CallRetries(10.0, LOWEST, Clock()).pause_seconds_after(error) is None


@pytest.mark.parametrize("error", REPEATED, ids=lambda error: type(error).__name__)
def test_an_outage_is_waited_out(error: errors.PDFGatewayError) -> None:
    """What may pass is tried again."""
    assert CallRetries(10.0, LOWEST, Clock()).pause_seconds_after(error) is not None


def test_a_call_ends_within_its_time() -> None:
    """No attempt begins after the call's time; the last error is raised, for it says more than a deadline."""
    clock = Clock()
    retries = CallRetries(1.0, HIGHEST, clock)
    pauses = []
    while (pause_seconds := retries.pause_seconds_after(errors.Unavailable("down"))) is not None:
        pauses.append(pause_seconds)
        clock.now += pause_seconds
        assert retries.remaining_seconds() > 0
    assert pauses == pytest.approx([0.2, 0.4])
    assert retries.failures == 3


def test_a_pause_longer_than_the_call_is_not_begun() -> None:
    """Where the gateway asks for more time than the call has, the call ends at once."""
    retries = CallRetries(1.0, LOWEST, Clock())
    assert retries.pause_seconds_after(errors.StoreUnavailable("down", retry_after_seconds=60.0)) is None


def test_no_time_is_less_than_none() -> None:
    """The time left is never negative, whatever the clock says."""
    clock = Clock()
    retries = CallRetries(1.0, LOWEST, clock)
    clock.now += 100.0
    assert retries.remaining_seconds() == 0.0


def test_a_first_failure_is_all_there_was() -> None:
    """Only an attempt before the last one can have been carried out unseen: the last one says what it found."""
    retries = CallRetries(10.0, LOWEST, Clock())
    assert not retries.may_have_worked
    retries.pause_seconds_after(errors.Unavailable("down"))
    assert not retries.may_have_worked
    retries.pause_seconds_after(errors.JobNotFound("no"))
    assert retries.may_have_worked
