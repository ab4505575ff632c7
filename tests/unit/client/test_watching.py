"""What a watch makes of messages and endings."""

import pytest

from pdfgateway import errors
from pdfgateway.job import Job
from pdfgateway.v1.job_pb2 import Job as JobMessage
from pdfgateway.v1.pdf_gateway_service_pb2 import Heartbeat, WatchStatusResponse
from pdfgateway.watching import WatchLimits, WatchState
from tests.contract_messages import job_message
from tests.unit.client.backoff_fakes import HIGHEST, Clock

DOWN = errors.Unavailable("down")


def watch_state(
    clock: Clock,
    *,
    after_seq: int = 0,
    watch_seconds_max: float | None = None,
    outage_seconds_max: float = 120.0,
) -> WatchState:
    """A watch with its first stream begun."""
    limits = WatchLimits(
        watch_seconds_max=watch_seconds_max,
        first_answer_seconds_max=10.0,
        outage_seconds_max=outage_seconds_max,
    )
    state = WatchState("job-1", after_seq, limits, backoff=HIGHEST, clock=clock)
    state.begin_stream()
    return state


def of_job(job: JobMessage) -> WatchStatusResponse:
    """A message with a job."""
    return WatchStatusResponse(job=job)


def outage(
    state: WatchState, clock: Clock, end: errors.PDFGatewayError | None
) -> tuple[list[float], errors.PDFGatewayError]:
    """Let stream after stream end in the same way; the pauses between, and what is raised in the end."""
    pauses: list[float] = []
    while True:
        state.begin_stream()
        try:
            pauses.append(state.pause_seconds_after(end))
        except errors.PDFGatewayError as error:
            return pauses, error
        clock.now += pauses[-1]


HEARTBEAT = WatchStatusResponse(heartbeat=Heartbeat())


@pytest.mark.parametrize(
    ("after_seq", "seqs", "passed"),
    [
        (0, [1, 2, 3], [1, 2, 3]),
        (0, [1, 5, 9], [1, 5, 9]),
        (0, [1, 1, 2], [1, 2]),
        (0, [3, 2, 4], [3, 4]),
        (3, [3, 4], [4]),
        (3, [1, 2, 3], []),
    ],
)
def test_seq_always_rises(after_seq: int, seqs: list[int], passed: list[int]) -> None:
    """A job that is not newer than what is known is not passed on."""
    state = watch_state(Clock(), after_seq=after_seq)
    jobs = [state.receive(of_job(job_message(seq=seq, state="RUNNING"))) for seq in seqs]
    assert [job.seq for job in jobs if isinstance(job, Job)] == passed


@pytest.mark.parametrize("terminal", ["SUCCEEDED", "FAILED", "CANCELLED"])
def test_a_terminal_job_finishes_the_watch(terminal: str) -> None:
    """The watch ends with the terminal job, even one that was known when it began."""
    state = watch_state(Clock(), after_seq=7)
    assert not state.finished
    job = state.receive(of_job(job_message(seq=7, state=terminal)))
    assert job is not None
    assert job.state == terminal
    assert state.finished


@pytest.mark.parametrize("passing", ["QUEUED", "RUNNING", "RETRYING", "CANCELLING"])
def test_a_passing_state_does_not_finish_the_watch(passing: str) -> None:
    """All other states may change."""
    state = watch_state(Clock())
    state.receive(of_job(job_message(seq=7, state=passing)))
    assert not state.finished


def test_the_next_stream_begins_after_the_last_seq() -> None:
    """A stream is resumed where the last one ended."""
    state = watch_state(Clock(), after_seq=2)
    assert state.begin_stream().after_seq == 2
    state.receive(of_job(job_message(seq=5, state="RUNNING")))
    assert state.begin_stream().after_seq == 5
    assert state.begin_stream().job_id == "job-1"


@pytest.mark.parametrize("news", [of_job(job_message(seq=2)), HEARTBEAT], ids=["job", "heartbeat"])
def test_a_good_end_after_news_is_followed_at_once(news: WatchStatusResponse) -> None:
    """A stream that has reached its longest time is no failure."""
    state = watch_state(Clock())
    state.receive(news)
    assert state.pause_seconds_after(None) == 0.0


def test_a_good_end_without_news_backs_off() -> None:
    """A gateway that ends streams at once is not called in a tight loop, and not for ever."""
    clock = Clock()
    state = watch_state(clock)
    pauses, error = outage(state, clock, None)
    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2])
    assert "without a word" in str(error)


def test_old_news_are_no_news() -> None:
    """A stream that only repeats what is known is followed with backoff."""
    state = watch_state(Clock(), after_seq=2)
    assert state.receive(of_job(job_message(seq=2))) is None
    assert state.pause_seconds_after(None) > 0.0


@pytest.mark.parametrize(
    "error",
    [
        errors.JobNotFound("no"),
        errors.InvalidArgument("no"),
        errors.PDFGatewayError("no", reason="PERMISSION_DENIED"),
    ],
    ids=lambda error: error.reason,
)
def test_a_refusal_ends_the_watch(error: errors.PDFGatewayError) -> None:
    """What another stream would not change is raised at once."""
    with pytest.raises(type(error)):
        watch_state(Clock()).pause_seconds_after(error)


@pytest.mark.parametrize(
    "error",
    [
        errors.Unavailable("down"),
        errors.StoreUnavailable("down"),
        errors.InternalError("fault"),
        errors.DeadlineExceeded("late"),
        errors.TooManyWatches("full"),
    ],
    ids=lambda error: error.reason,
)
def test_any_other_end_is_followed_with_backoff(error: errors.PDFGatewayError) -> None:
    """As the contract says of streams: after any other ending watch again."""
    assert watch_state(Clock()).pause_seconds_after(error) == pytest.approx(0.2)


def test_the_pause_that_the_gateway_asks_for_is_kept() -> None:
    """RetryInfo of a refused watch is the least pause."""
    error = errors.TooManyWatches("full", retry_after_seconds=5.0)
    assert watch_state(Clock()).pause_seconds_after(error) == pytest.approx(5.2)


@pytest.mark.parametrize("news", [of_job(job_message(seq=1)), HEARTBEAT], ids=["job", "heartbeat"])
def test_any_message_ends_an_outage(news: WatchStatusResponse) -> None:
    """Failures in a row count from the last sign of life."""
    state = watch_state(Clock())
    for _ in range(3):
        state.pause_seconds_after(DOWN)
    state.receive(news)
    assert state.pause_seconds_after(DOWN) == pytest.approx(0.2)


@pytest.mark.parametrize(("answered", "patience_seconds"), [(False, 10.0), (True, 120.0)])
def test_an_outage_is_waited_out_for_a_bounded_time(answered: bool, patience_seconds: float) -> None:
    """A gateway that never answered is given up soon, one that did is given its time to come back."""
    clock = Clock()
    state = watch_state(clock)
    if answered:
        state.receive(HEARTBEAT)
    pauses, error = outage(state, clock, DOWN)
    assert error is DOWN
    assert patience_seconds - 5.0 <= sum(pauses) <= patience_seconds


def test_a_watch_ends_within_its_time() -> None:
    """When the time is over DeadlineExceeded tells what was seen of the job, and that it goes on."""
    clock = Clock()
    state = watch_state(clock, watch_seconds_max=30.0)
    assert state.remaining_seconds() == 30.0
    state.receive(of_job(job_message(seq=1, state="RUNNING")))
    clock.now += 29.9
    with pytest.raises(errors.DeadlineExceeded, match="job-1 has not ended within 30 s; it was last seen RUNNING"):
        state.pause_seconds_after(errors.DeadlineExceeded("late"))
    clock.now += 100.0
    assert state.remaining_seconds() == 0.0


def test_a_watch_without_a_limit_has_no_deadline() -> None:
    """By default a watch takes as long as the job."""
    assert watch_state(Clock()).remaining_seconds() is None
