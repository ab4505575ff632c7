"""How many consumers the work needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.autoscaling import Load, wanted_replicas

counts = st.integers(0, 1_000_000)
concurrencies = st.integers(1, 64)


@pytest.mark.parametrize(
    ("queued", "running", "concurrency", "wanted"),
    [
        (0, 0, 2, 0),
        (1, 0, 2, 1),
        (0, 1, 2, 1),
        (1, 1, 2, 1),
        (2, 1, 2, 2),
        (0, 5, 2, 3),
        (5, 0, 1, 5),
        (100, 4, 64, 2),
    ],
)
def test_queued_and_running_jobs_are_counted_alike(queued: int, running: int, concurrency: int, wanted: int) -> None:
    """An empty queue sends nobody away who is at work."""
    assert wanted_replicas(Load(queued, running), current=7, concurrency=concurrency) == wanted


@given(counts, counts, concurrencies)
def test_there_is_a_place_for_each_job_and_no_replica_too_many(queued: int, running: int, concurrency: int) -> None:
    """The wanted replicas work on all jobs at once; one fewer would not."""
    wanted = wanted_replicas(Load(queued, running), current=0, concurrency=concurrency)
    assert (wanted - 1) * concurrency < queued + running <= wanted * concurrency


@given(counts, concurrencies)
def test_an_unknown_load_changes_nothing(current: int, concurrency: int) -> None:
    """While Redis does not answer, the consumers stay as many as they are."""
    assert wanted_replicas(None, current=current, concurrency=concurrency) == current
