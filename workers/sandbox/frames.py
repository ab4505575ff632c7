"""How a reading process tells its events: frames of a length (4 bytes, big endian) and that much JSON in UTF-8.

What is read here comes from a process that a hostile document may have taken over. Nothing of it is believed
before it was checked: lengths, encoding, types and characters.
"""

import json
import struct
from dataclasses import asdict, dataclass
from typing import NoReturn

from workers.extract.clean_text import is_clean
from workers.extract.engine import METADATA_CHARACTERS_MAX, METADATA_KEYS
from workers.extract.events import Event, Finished, Opened, PageFailed, PageRead
from workers.extract.read_document import PAGE_TEXT_BYTES_MAX
from workers.jobs.failure import FailureReason, JobFailure

FRAME_BYTES_MAX = 2 * PAGE_TEXT_BYTES_MAX + 16 * 1024
"""JSON at most doubles clean text (a line end becomes two characters); the rest is for everything else."""

WORDS_MAX = 500
"""Characters of a message, or of a name."""

_LENGTH = struct.Struct("!I")

TELLABLE_REASONS = frozenset(
    {
        FailureReason.CORRUPT,
        FailureReason.ENCRYPTED,
        FailureReason.INTERNAL,
        FailureReason.MEMORY_LIMIT,
        FailureReason.OUTPUT_LIMIT,
        FailureReason.TOO_MANY_PAGES,
        FailureReason.UNSUPPORTED,
    }
)
"""Reasons that a reading process may give. It cannot know the others."""


@dataclass(frozen=True, slots=True)
class Confined:
    """The first frame: the process gave up what it could, and is about to open the document."""

    missing: tuple[str, ...]
    """Protections that this system does not give."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The last frame of a document that cannot be read."""

    reason: FailureReason
    message: str


Frame = Confined | Event | Failed

_NAMES: dict[type[Frame], str] = {
    Confined: "confined",
    Opened: "opened",
    PageRead: "page",
    PageFailed: "page_failed",
    Finished: "done",
    Failed: "failed",
}


def encode(frame: Frame) -> bytes:
    """`frame` as bytes, its length in front."""
    payload = json.dumps({"frame": _NAMES[type(frame)], **asdict(frame)}, ensure_ascii=False).encode()
    return _LENGTH.pack(len(payload)) + payload


def decode(payload: bytes) -> Frame:
    """The frame in `payload`. Raises JobFailure PARSER_CRASHED if it is none."""
    try:
        fields = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        malformed("no JSON")
    if not isinstance(fields, dict):
        malformed("no object")
    return _Fields(fields).frame()


def malformed(what: str) -> NoReturn:
    """Raise the failure of a process that does not keep to its protocol: PARSER_CRASHED."""
    raise JobFailure(
        FailureReason.PARSER_CRASHED, f"the process that read the PDF broke its protocol: {what}"
    ) from None


class FrameBuffer:
    """Bytes as they come, cut into payloads. Holds one frame and one read at most."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take what was read."""
        self._bytes += chunk

    def next_payload(self) -> bytes | None:
        """The next whole payload, or None until more was read.

        Raises JobFailure PARSER_CRASHED as soon as a longer frame than FRAME_BYTES_MAX is announced.
        """
        if len(self._bytes) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._bytes)
        if length > FRAME_BYTES_MAX:
            malformed("too long a frame")
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        payload = bytes(self._bytes[_LENGTH.size : end])
        del self._bytes[:end]
        return payload


class _Fields:
    """One frame's fields, each checked as it is taken."""

    def __init__(self, fields: dict[str, object]) -> None:
        self._fields = fields

    def frame(self) -> Frame:
        match self._fields.get("frame"):
            case "confined":
                return Confined(self._names("missing"))
            case "opened":
                return Opened(
                    engine=self._words("engine"),
                    page_count=self._number("page_count"),
                    metadata=self._metadata(),
                    repaired=self._flag("repaired"),
                )
            case "page":
                return PageRead(self._number("page_number"), self._text("text"))
            case "page_failed":
                return PageFailed(self._number("page_number"), self._reason(), self._words("message"))
            case "done":
                return Finished(self._number("pages_failed"))
            case "failed":
                return Failed(self._reason(), self._words("message"))
            case _:
                malformed("an unknown frame")

    def _number(self, key: str) -> int:
        value = self._fields.get(key)
        if type(value) is not int or value < 0:
            malformed(f"{key} is no number")
        return value

    def _flag(self, key: str) -> bool:
        value = self._fields.get(key)
        if not isinstance(value, bool):
            malformed(f"{key} is no flag")
        return value

    def _text(self, key: str) -> str:
        return _checked_text(self._fields.get(key), key)

    def _words(self, key: str) -> str:
        return _checked_words(self._fields.get(key), key)

    def _reason(self) -> FailureReason:
        value = self._words("reason")
        if value not in TELLABLE_REASONS:
            malformed("no such reason")
        return FailureReason(value)

    def _names(self, key: str) -> tuple[str, ...]:
        values = self._fields.get(key)
        if not isinstance(values, list) or len(values) > WORDS_MAX:
            malformed(f"{key} is no list")
        return tuple(_checked_words(value, key) for value in values)

    def _metadata(self) -> dict[str, str]:
        values = self._fields.get("metadata")
        if not isinstance(values, dict) or not values.keys() <= set(METADATA_KEYS):
            malformed("metadata has other keys")
        return {
            key: _checked_words(value, key, characters_max=METADATA_CHARACTERS_MAX) for key, value in values.items()
        }


def _checked_text(value: object, key: str) -> str:
    if not isinstance(value, str) or not is_clean(value):
        malformed(f"{key} is no clean text")
    return value


def _checked_words(value: object, key: str, *, characters_max: int = WORDS_MAX) -> str:
    words = _checked_text(value, key)
    if len(words) > characters_max or "\n" in words:
        malformed(f"{key} is too long")
    return words
