"""Whether the store has room for another job: pure."""

from gateway.errors import Reason, Refusal, store_unavailable
from gateway.job_store import StoreCondition
from gateway.settings import MEMORY_USED_RATIO_MAX
from workers.jobs.state import JobState


def submission_refusal(condition: StoreCondition, *, queued_max: int) -> Refusal | None:
    """Why the store, as it is, takes no further job; None where it does."""
    if not condition.can_write:
        return store_unavailable()
    if condition.memory_used_ratio >= MEMORY_USED_RATIO_MAX:
        return Refusal(
            Reason.STORE_FULL,
            f"The job store has used {condition.memory_used_ratio:.0%} of its memory; submissions are taken up to "
            f"{MEMORY_USED_RATIO_MAX:.0%}. Try again later.",
        )
    queued = condition.jobs[JobState.QUEUED]
    return Refusal(Reason.QUEUE_FULL, f"{queued} jobs wait already. Try again later.") if queued >= queued_max else None
