"""The dead letter of an item of the queue that is no job's message."""

import json

from redis import Redis

from workers.message_check import NotAJobMessage
from workers.record.transition import DEAD_LETTERS_MAX, INVALID_QUEUE

RAW_CHARS_MAX = 1_000
"""Characters of the item that its dead letter shows."""

_BURY = """
local clock = redis.call('TIME')
redis.call('LPUSH', KEYS[1], string.format('{"time_us":%.0f,', clock[1] * 1000000 + clock[2]) .. ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
"""
"""Redis' clock is the one clock, so the letter's time is set there."""


def bury(client: Redis, item: bytes, why: NotAJobMessage) -> None:
    """Put an item among the invalid dead letters, in the form that `workers.record.dead_letter` reads.

    Raises:
        redis.exceptions.RedisError: Redis did not answer, or refused to write.
    """
    # A character has at most four bytes, so what is cut off here is not shown anyway.
    raw = item[: 4 * RAW_CHARS_MAX].decode("utf-8", "backslashreplace")[:RAW_CHARS_MAX]
    letter = json.dumps({"error": [why.fault.value, why.message], "raw": raw})
    client.eval(_BURY, 1, INVALID_QUEUE, letter.removeprefix("{"), str(DEAD_LETTERS_MAX))
