"""The state machine."""

import pytest

from workers.jobs.state import CELERY_STATES, NEXT_STATES, JobState

ALLOWED = {
    (JobState.QUEUED, JobState.RUNNING),
    (JobState.QUEUED, JobState.CANCELLED),
    (JobState.QUEUED, JobState.FAILED),
    (JobState.RUNNING, JobState.SUCCEEDED),
    (JobState.RUNNING, JobState.FAILED),
    (JobState.RUNNING, JobState.RETRYING),
    (JobState.RUNNING, JobState.QUEUED),
    (JobState.RUNNING, JobState.CANCELLING),
    (JobState.RETRYING, JobState.QUEUED),
    (JobState.RETRYING, JobState.CANCELLED),
    (JobState.RETRYING, JobState.FAILED),
    (JobState.CANCELLING, JobState.CANCELLED),
    (JobState.CANCELLING, JobState.FAILED),
}


@pytest.mark.parametrize("before", JobState)
@pytest.mark.parametrize("after", JobState)
def test_only_the_listed_states_may_follow(before: JobState, after: JobState) -> None:
    """Each pair of states is either listed here, or impossible."""
    assert (after in NEXT_STATES[before]) == ((before, after) in ALLOWED)


def test_three_states_are_terminal() -> None:
    """A job ends in one of them, and nothing follows."""
    terminal = {state for state in JobState if state.is_terminal}
    assert terminal == {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


def test_every_state_can_reach_an_end() -> None:
    """There is no state that a job could be stuck in by the rules alone."""
    for state in JobState:
        reached, frontier = {state}, {state}
        while frontier:
            frontier = {after for before in frontier for after in NEXT_STATES[before]} - reached
            reached |= frontier
        assert any(end.is_terminal for end in reached)


def test_every_state_has_a_name_of_celery() -> None:
    """Celery's own words are used for what Celery knows."""
    assert CELERY_STATES[JobState.SUCCEEDED] == "SUCCESS"
    assert CELERY_STATES[JobState.FAILED] == "FAILURE"
    assert CELERY_STATES[JobState.RETRYING] == "RETRY"
    assert CELERY_STATES[JobState.CANCELLED] == "REVOKED"
    assert len(set(CELERY_STATES.values())) == len(JobState)
