"""How many consumers the work needs: a rule, and nothing else."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Load:
    """The work there is, in jobs."""

    queued: int
    """Jobs that wait for a worker. One that waits for its next attempt is counted when that is due."""
    running: int
    """Jobs that a worker holds."""


def wanted_replicas(load: Load | None, *, current: int, concurrency: int) -> int:
    """As many as work on all jobs at once, `concurrency` in each; the current number where the load is unknown.

    Running jobs count like queued ones: otherwise an empty queue would send their workers away. Serve keeps the number
    between its bounds.
    """
    if load is None:
        return current
    return ceil((load.queued + load.running) / concurrency)
