"""The transition script as Redis gets it, and how it is called."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol

from workers.jobs.state import CELERY_STATES, NEXT_STATES, REPLAYABLE


def _lua_table(entries: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name} = {value}" for name, value in entries.items()) + "}"


def _script() -> str:
    next_states = {
        state.value: _lua_table({follower.value: "true" for follower in sorted(followers)})
        for state, followers in NEXT_STATES.items()
    }
    replayable = {state.value: "true" for state in sorted(REPLAYABLE)}
    celery_states = {state.value: f"'{name}'" for state, name in CELERY_STATES.items()}
    body = files("workers.record").joinpath("transition.lua").read_text(encoding="utf-8")
    tables = {
        "NEXT_STATES": _lua_table(next_states),
        "REPLAYABLE": _lua_table(replayable),
        "CELERY_STATES": _lua_table(celery_states),
    }
    return "".join(f"local {name} = {table}\n" for name, table in tables.items()) + body


SCRIPT = _script()
"""The script's text, with the state machine in it."""
SCRIPT_SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""The name that Redis gives the script."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A Celery message with places for the job's id and the delivery tag; made by Celery and kombu themselves."""

    text: str
    id_place: str
    tag_place: str
    queue: str

    def arguments(self) -> dict[str, str]:
        """The script's arguments that let it put messages on the queue."""
        return {
            "message": self.text,
            "id_place": self.id_place,
            "tag_place": self.tag_place,
            "queue": self.queue,
        }


class RunScript(Protocol):
    """Runs the transition script and returns its reply."""

    def __call__(self, arguments: list[str | bytes]) -> list[bytes]: ...  # noqa: D102  (said above)


def micros(seconds: float) -> str:
    """A time in microseconds, as the script takes it."""
    return str(int(seconds * 1_000_000))


def call(operation: str, job_id: str = "", **arguments: str | None) -> list[str | bytes]:
    """A call of the script: its operation, the job's id, then names and values in turn; None is left out."""
    words: list[str | bytes] = [operation, job_id]
    for name, value in arguments.items():
        if value is not None:
            words += [name, value]
    return words
