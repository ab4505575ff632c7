"""Whether a history keeps the promises, in the manner of Jepsen's total-queue: what goes in comes out, once. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.history import Buried, Event, Missed, Seen, Stored, Submitted, Watched
from workers.jobs.state import NEXT_STATES, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a history breaks, each breach in words; nothing where all is well."""

    accepted: int
    """Requests that made a job."""
    lost: list[str] = field(default_factory=list)
    """Accepted jobs that nobody saw end or that a reader did not find, and submissions that were never answered."""
    unexpected: list[str] = field(default_factory=list)
    """Jobs and dead letters that nobody asked for, and ends that a job cannot have."""
    twice: list[str] = field(default_factory=list)
    """Requests with more than one job, runs with more than one end, ends with more or fewer dead letters than due."""
    strayed: list[str] = field(default_factory=list)
    """Steps that the state machine does not have."""
    backwards: list[str] = field(default_factory=list)
    """Readers that saw `seq` fall or one `seq` with two states."""
    unended: list[str] = field(default_factory=list)
    """Watches that did not see their job's end."""

    @property
    def breaches(self) -> list[str]:
        """All of them."""
        kinds = ("lost", "unexpected", "twice", "strayed", "backwards", "unended")
        return [f"{kind}: {breach}" for kind in kinds for breach in getattr(self, kind)]


def check(events: Iterable[Event]) -> Verdict:
    """Judge a history that ends with a reading of each job, of the store's jobs and of its dead letters."""
    events = list(events)
    submitted = [event for event in events if isinstance(event, Submitted)]
    seen: dict[str, list[Seen]] = defaultdict(list)
    for event in events:
        if isinstance(event, Seen):
            seen[event.job_id].append(event)
    may_end = {event.job_id: event.may_end for event in submitted if event.job_id is not None}
    ended = {job_id for job_id, sights in seen.items() if any(is_end(sight) for sight in sights)}
    known = seen.keys() | {event.job_id for event in events if isinstance(event, Stored | Buried)}
    return Verdict(
        accepted=len({event.request_id for event in submitted if event.job_id is not None}),
        lost=[*sorted(may_end.keys() - ended), *_unanswered(submitted), *_missed(events)],
        unexpected=[*sorted(known - may_end.keys()), *_wrong_ends(seen, may_end)],
        twice=[*_doubled_requests(submitted), *_doubled_ends(seen), *_wrong_burials(events, seen)],
        strayed=[step for sights in seen.values() for step in _strayed(sights)],
        backwards=[fall for sights in seen.values() for fall in _backwards(sights)],
        unended=_unended(events),
    )


def is_end(sight: Seen) -> bool:
    """Whether a job was seen in a terminal state."""
    return JobState(sight.state).is_terminal


def reachable() -> dict[JobState, frozenset[JobState]]:
    """The states that can follow a state after any number of steps: a reader may miss those between."""
    after = {state: set(followers) for state, followers in NEXT_STATES.items()}
    for _ in NEXT_STATES:
        for followers in after.values():
            followers |= {further for follower in followers for further in after[follower]}
    return {state: frozenset(followers) for state, followers in after.items()}


_REACHABLE = reachable()


def _unanswered(submitted: list[Submitted]) -> Iterator[str]:
    answered = {event.request_id for event in submitted if event.job_id is not None}
    for request_id in sorted({event.request_id for event in submitted} - answered):
        yield f"request {request_id} was never answered"


def _missed(events: list[Event]) -> list[str]:
    return [f"{event.reader} did not find {event.job_id}" for event in events if isinstance(event, Missed)]


def _doubled_requests(submitted: list[Submitted]) -> Iterator[str]:
    jobs: dict[str, set[str]] = defaultdict(set)
    for event in submitted:
        if event.job_id is not None:
            jobs[event.request_id].add(event.job_id)
    for request_id, made in jobs.items():
        if len(made) > 1:
            yield f"request {request_id} made the jobs {sorted(made)}"
    requests = Counter(job_id for made in jobs.values() for job_id in made)
    for job_id, count in requests.items():
        if count > 1:
            yield f"job {job_id} is the answer to {count} requests"


def _wrong_ends(seen: dict[str, list[Seen]], may_end: dict[str, frozenset[str]]) -> Iterator[str]:
    for job_id, sights in seen.items():
        for end in sorted({sight.reason or sight.state for sight in sights if is_end(sight)}):
            if end not in may_end.get(job_id, {end}):
                yield f"{job_id} ended as {end}"


def _doubled_ends(seen: dict[str, list[Seen]]) -> Iterator[str]:
    for job_id, sights in seen.items():
        ends: dict[int, set[tuple[int, str, str]]] = defaultdict(set)
        for sight in sights:
            if is_end(sight):
                ends[sight.run].add((sight.seq, sight.state, sight.ending))
        for run, tellings in ends.items():
            if len(tellings) > 1:
                yield f"{job_id} ended {len(tellings)} times in run {run}: {sorted(tellings)}"


def _wrong_burials(events: list[Event], seen: dict[str, list[Seen]]) -> Iterator[str]:
    burials = Counter((event.job_id, event.run) for event in events if isinstance(event, Buried))
    ends = {(job_id, sight.run): sight.state for job_id, sights in seen.items() for sight in sights if is_end(sight)}
    for (job_id, run), state in ends.items():
        due = int(state == JobState.FAILED)
        if burials[job_id, run] != due:
            yield f"{job_id} ended as {state} in run {run} and has {burials[job_id, run]} dead letters"


def _strayed(sights: list[Seen]) -> Iterator[str]:
    # Of all readers together: one record has one history.
    states = {(sight.run, sight.seq): JobState(sight.state) for sight in sights}
    for ((run, seq), before), ((next_run, next_seq), after) in pairwise(sorted(states.items())):
        if run != next_run:
            continue
        allowed = NEXT_STATES[before] if next_seq == seq + 1 else _REACHABLE[before]
        if after not in allowed and (after is not before or before.is_terminal):
            yield f"{sights[0].job_id} went from {before} ({seq}) to {after} ({next_seq})"


def _backwards(sights: list[Seen]) -> Iterator[str]:
    states: dict[int, str] = {}
    newest: dict[str, int] = {}
    for sight in sights:
        if sight.seq < newest.get(sight.reader, 0):
            yield f"{sight.reader} saw {sight.job_id} at {sight.seq} after {newest[sight.reader]}"
        newest[sight.reader] = max(sight.seq, newest.get(sight.reader, 0))
        if states.setdefault(sight.seq, sight.state) != sight.state:
            yield f"{sight.job_id} was {states[sight.seq]} and {sight.state} at {sight.seq}"


def _unended(events: list[Event]) -> list[str]:
    ended = {(event.reader, event.job_id) for event in events if isinstance(event, Seen) and is_end(event)}
    watched = [(event.reader, event.job_id) for event in events if isinstance(event, Watched)]
    return [f"{reader} never saw {job_id} end" for reader, job_id in watched if (reader, job_id) not in ended]
