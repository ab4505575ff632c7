"""The dead-letter queues: what lies there, and what may be done with it."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from gateway.errors import FieldViolation, invalid
from gateway.job_store import JobStore
from gateway.page_token import checked_page_size, page_token, parse_page_token
from workers.record.dead_letter import DeadLetter
from workers.record.transition import FAILED_QUEUE, INVALID_QUEUE

QUEUES = (FAILED_QUEUE, INVALID_QUEUE)
READ_AT_ONCE = 500
"""Letters read by one command."""
CHANGED_AT_ONCE = 100
"""Letters replayed or purged by one batch of commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which dead letters are meant; what is not set means all."""

    queue: str = ""
    reason: str = ""
    before_us: int | None = None
    """Letters that came before, in microseconds since 1970."""

    def matches(self, letter: DeadLetter) -> bool:
        """Whether a letter of one of the filter's queues is meant."""
        return (not self.reason or letter.reason == self.reason) and (
            self.before_us is None or letter.time_us < self.before_us
        )


class DeadLetters:
    """Lists, replays and purges dead letters. Every refusal is a `Refusal`."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def page(self, wanted: DeadLetterFilter, page_size: int, token: str) -> tuple[Sequence[DeadLetter], str]:
        """A page of letters, and the token of the next page; empty where there is none.

        Raises:
            Refusal: INVALID_ARGUMENT or STORE_UNAVAILABLE.
        """
        page_size = checked_page_size(page_size)
        queues = _queues(wanted)
        last: tuple[str | int, ...] | None = None
        if token:
            last = tuple(parse_page_token(wanted, token, str, int, str))
            queues = queues[queues.index(str(last[0])) :] if last[0] in queues else ()
        found: list[DeadLetter] = []
        for queue in queues:
            async for letter in self._letters(queue):
                if last is not None and queue == last[0]:
                    # A queue's letters come by falling time; those of one time in an order that stays.
                    if letter.time_us > int(last[1]):
                        continue
                    if letter.time_us == last[1]:
                        last = None if letter.job_id == last[2] else last
                        continue
                    last = None
                if not wanted.matches(letter):
                    continue
                if len(found) == page_size:
                    end = found[-1]
                    return found, page_token(wanted, [end.queue, end.time_us, end.job_id])
                found.append(letter)
        return found, ""

    async def replay(self, wanted: DeadLetterFilter) -> int:
        """Replay the jobs whose letters match; how many.

        Raises:
            Refusal: INVALID_ARGUMENT or STORE_UNAVAILABLE; some jobs may have been replayed then.
        """
        letters = await self._matching(wanted)
        job_ids = [letter.job_id for letter in letters if letter.job_id]
        batches = [job_ids[start : start + CHANGED_AT_ONCE] for start in range(0, len(job_ids), CHANGED_AT_ONCE)]
        return sum([await self._store.replay_many(batch) for batch in batches])

    async def purge(self, wanted: DeadLetterFilter) -> int:
        """Remove the letters that match; how many.

        Raises:
            Refusal: INVALID_ARGUMENT or STORE_UNAVAILABLE; some letters may have been removed then.
        """
        letters = await self._matching(wanted)
        batches = [letters[start : start + CHANGED_AT_ONCE] for start in range(0, len(letters), CHANGED_AT_ONCE)]
        return sum([await self._store.purge(batch) for batch in batches])

    async def _matching(self, wanted: DeadLetterFilter) -> Sequence[DeadLetter]:
        """What is there now: a job that fails again while it is replayed is not replayed twice."""
        if not wanted.queue:
            raise invalid(FieldViolation("filter.queue", f"must be one of {' and '.join(QUEUES)}"))
        (queue,) = _queues(wanted)
        letters = {letter.text: letter async for letter in self._letters(queue) if wanted.matches(letter)}
        return list(letters.values())

    async def _letters(self, queue: str) -> AsyncGenerator[DeadLetter, None]:
        start = 0
        while letters := await self._store.dead_letters(queue, start=start, count=READ_AT_ONCE):
            for letter in letters:
                yield letter
            start += len(letters)


def _queues(wanted: DeadLetterFilter) -> tuple[str, ...]:
    if not wanted.queue:
        return QUEUES
    if wanted.queue not in QUEUES:
        raise invalid(FieldViolation("filter.queue", f"must be one of {' and '.join(QUEUES)}, or empty"))
    return (wanted.queue,)
