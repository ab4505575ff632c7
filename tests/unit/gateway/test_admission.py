"""When the store has room for another job."""

import dataclasses

import pytest

from gateway.admission import submission_refusal
from gateway.errors import Reason
from gateway.job_store import StoreCondition
from workers.jobs.state import JobState

EMPTY = StoreCondition(consumers=0, jobs=dict.fromkeys(JobState, 0), dead_letters={})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"used_memory_bytes": 799, "memory_bytes_max": 1000}, None),
        ({"used_memory_bytes": 800, "memory_bytes_max": 1000}, Reason.STORE_FULL),
        ({"used_memory_bytes": 10**12, "memory_bytes_max": 0}, None),
        ({"can_write": False}, Reason.STORE_UNAVAILABLE),
        ({"jobs": {**EMPTY.jobs, JobState.QUEUED: 9}}, None),
        ({"jobs": {**EMPTY.jobs, JobState.QUEUED: 10}}, Reason.QUEUE_FULL),
        ({"jobs": {**EMPTY.jobs, JobState.RUNNING: 1000, JobState.SUCCEEDED: 10**6}}, None),
    ],
)
def test_a_submission_is_refused_for_what_the_store_lacks(changes: dict[str, object], reason: Reason | None) -> None:
    """Disk, memory up to four fifths, and room in the queue; what has ended takes none of it."""
    condition = dataclasses.replace(EMPTY, **changes)  # type: ignore[arg-type]  # names of its fields
    refusal = submission_refusal(condition, queued_max=10)
    assert (refusal.reason if refusal else None) is reason
