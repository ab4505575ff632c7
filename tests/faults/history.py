"""What callers saw of a gateway while it was hurt: a list of events that threads write and the checker reads."""

import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A submission's answer. Without an answer the job may exist or not, until the same request is repeated."""

    request_id: str
    job_id: str | None
    """The job that was answered; None where no answer came."""
    may_end: frozenset[str] = frozenset({"SUCCEEDED"})
    """How the job may end: a terminal state or, of a failure, its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A job as a reader saw it."""

    reader: str
    """Who saw it: readers see `seq` rise, each for itself."""
    job_id: str
    run: int
    seq: int
    state: str
    attempt: int = 0
    reason: str = ""
    """Why it failed, where it did."""
    ending: str = ""
    """All that is told of a job that has ended, as text; it never changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A watch that began. It has to see the job's end, over however many streams."""

    reader: str
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """An accepted job of which a reader was told that there is none."""

    reader: str
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A job that the store holds at the end."""

    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buried:
    """A dead letter that the store holds at the end."""

    job_id: str
    run: int


Event = Submitted | Seen | Watched | Missed | Stored | Buried


@dataclass(slots=True)
class History:
    """Events in the order in which they were noted; safe for threads."""

    events: list[Event] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, event: Event) -> None:
        """Add an event that happened now."""
        with self._lock:
            self.events.append(event)
            self._times.append(time.monotonic())

    def accepted(self) -> dict[str, float]:
        """The accepted jobs, each with the time of its first answer by the monotonic clock."""
        with self._lock:
            noted = list(zip(self.events, self._times, strict=True))
        return {
            event.job_id: moment
            for event, moment in reversed(noted)
            if isinstance(event, Submitted) and event.job_id is not None
        }
