"""The fault suite's checker: a history that keeps the promises passes, and each broken one fails for its reason."""

import dataclasses
import threading

import pytest

from tests.faults.checker import check, reachable
from tests.faults.history import Buried, Event, History, Missed, Seen, Stored, Submitted, Watched
from workers.jobs.state import JobState


def submitted(job_id: str | None = "a", request_id: str = "r", *ends: str) -> Submitted:
    """An answer, or none."""
    return Submitted(request_id=request_id, job_id=job_id, may_end=frozenset(ends or {"SUCCEEDED"}))


def seen(state: str, seq: int, job_id: str = "a", **more: object) -> Seen:
    """A sight of a job by a reader."""
    sight = Seen(reader="one", job_id=job_id, run=1, seq=seq, state=state)
    return dataclasses.replace(sight, **more)  # type: ignore[arg-type]  # the fields as the table gives them


GOOD: list[Event] = [
    submitted(),
    Watched(reader="one", job_id="a"),
    seen("QUEUED", 1),
    seen("RUNNING", 2),
    seen("SUCCEEDED", 9, ending="12 words"),
    seen("SUCCEEDED", 9, reader="two", ending="12 words"),
    Stored(job_id="a"),
]
FAILED: list[Event] = [
    submitted("a", "r", "CORRUPT"),
    seen("RUNNING", 2),
    seen("FAILED", 3, reason="CORRUPT"),
    Stored(job_id="a"),
    Buried(job_id="a", run=1),
]


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(GOOD, id="a success"),
        pytest.param(FAILED, id="a failure that was due, with its dead letter"),
        pytest.param([submitted(None), *GOOD], id="an answer that was lost, and given when the request was repeated"),
        pytest.param([submitted(), *GOOD], id="the same answer to the same request"),
        pytest.param([*GOOD[:3], seen("SUCCEEDED", 8)], id="states between that nobody saw"),
        pytest.param([*GOOD[:4], seen("QUEUED", 4), seen("SUCCEEDED", 9)], id="a worker that was lost"),
        pytest.param([*GOOD, seen("QUEUED", 1, reader="late")], id="an old state seen by another reader only"),
        pytest.param(
            [*FAILED, seen("QUEUED", 4, run=2), seen("FAILED", 6, run=2, reason="CORRUPT"), Buried(job_id="a", run=2)],
            id="a second run",
        ),
    ],
)
def test_a_history_that_keeps_the_promises_passes(history: list[Event]) -> None:
    """No breach, and one accepted job."""
    verdict = check(history)
    assert verdict.breaches == []
    assert verdict.accepted == 1


@pytest.mark.parametrize(
    ("kind", "history"),
    [
        pytest.param("lost", [submitted(), seen("RUNNING", 2)], id="an accepted job that does not end"),
        pytest.param("lost", [submitted()], id="an accepted job that nobody ever saw"),
        pytest.param("lost", [submitted(None)], id="a submission that was never answered"),
        pytest.param(
            "lost", [*GOOD, Missed(reader="two", job_id="a")], id="an accepted job that a reader does not find"
        ),
        pytest.param("unexpected", [*GOOD, Stored(job_id="b")], id="a job that nobody submitted"),
        pytest.param("unexpected", [*GOOD, Buried(job_id="b", run=1)], id="a dead letter of no job"),
        pytest.param("unexpected", [submitted(), *FAILED[1:]], id="a failure of a good PDF"),
        pytest.param("unexpected", [FAILED[0], *GOOD[1:]], id="a success of a bad PDF"),
        pytest.param("twice", [*GOOD, submitted("b"), seen("SUCCEEDED", 3, "b")], id="two jobs of one request"),
        pytest.param("twice", [*GOOD, submitted("a", "other")], id="one job of two requests"),
        pytest.param(
            "twice", [*GOOD, seen("SUCCEEDED", 9, reader="three", ending="13 words")], id="an end that changes"
        ),
        pytest.param("twice", [*GOOD, seen("SUCCEEDED", 10, ending="12 words")], id="an end that is written again"),
        pytest.param("twice", FAILED[:-1], id="a failure without its dead letter"),
        pytest.param("twice", [*FAILED, FAILED[-1]], id="a failure with two dead letters"),
        pytest.param("twice", [*GOOD, Buried(job_id="a", run=1)], id="a success with a dead letter"),
        pytest.param("strayed", [*GOOD, seen("RUNNING", 10)], id="a job that goes on after its end"),
        pytest.param("strayed", [*GOOD[:3], seen("SUCCEEDED", 2)], id="a step that leaves out a state"),
        pytest.param("strayed", [*GOOD[:2], seen("CANCELLING", 2), seen("RUNNING", 9)], id="back from a cancel"),
        pytest.param("backwards", [*GOOD[:4], seen("QUEUED", 1)], id="a reader that is shown an older state"),
        pytest.param("backwards", [*GOOD, seen("RUNNING", 9, reader="two")], id="one seq with two states"),
        pytest.param("unended", [*GOOD, Watched(reader="late", job_id="a")], id="a watch that never saw the end"),
        pytest.param(
            "unended",
            [*GOOD, Watched(reader="late", job_id="a"), seen("QUEUED", 1, reader="late")],
            id="a watch that saw the beginning only",
        ),
    ],
)
def test_a_broken_promise_is_found(kind: str, history: list[Event]) -> None:
    """The breach is told under its own name."""
    verdict = check(history)
    assert getattr(verdict, kind), verdict
    assert any(breach.startswith(f"{kind}: ") for breach in verdict.breaches)


def test_what_can_follow_is_told_over_any_number_of_steps() -> None:
    """A queued job can end in every way; an ended one can do nothing."""
    after = reachable()
    assert after[JobState.QUEUED] == frozenset(JobState)
    assert after[JobState.CANCELLING] == {JobState.CANCELLED, JobState.FAILED}
    assert after[JobState.SUCCEEDED] == frozenset()


def test_a_history_is_written_by_threads_without_a_loss() -> None:
    """All events are there, and a job was accepted when it was first answered."""
    history = History()
    history.note(submitted())
    threads = [threading.Thread(target=lambda: [history.note(GOOD[2]) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = history.accepted()["a"]
    history.note(submitted())
    assert len(history.events) == 2002
    assert history.accepted() == {"a": first}
