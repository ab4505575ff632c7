"""What a reading process tells, and what it may not."""

import json
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.extract.events import Finished, Opened, PageFailed, PageRead
from workers.jobs.failure import FailureReason, JobFailure
from workers.sandbox.frames import FRAME_BYTES_MAX, Confined, Failed, Frame, FrameBuffer, decode, encode

FRAMES: list[Frame] = [
    Confined(()),
    Confined(("memory-limit", "cpu-limit")),
    Opened("pypdf 7.1.0", 3, {"title": "Über “Quotes”", "author": "水"}, repaired=False),
    PageRead(1, 'Text\n\twith \\ and "quotes" and \U0001f600'),
    PageFailed(2, FailureReason.CORRUPT, "Its structure cannot be read."),
    Finished(1),
    Failed(FailureReason.ENCRYPTED, "It opens with a password only."),
]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("chunk_bytes", [1, 7, 100_000])
def test_frames_come_out_as_they_went_in(frame: Frame, chunk_bytes: int) -> None:
    """However the bytes are cut on their way, the frames are the same, and so is their order."""
    sent = encode(frame) + encode(Finished(0))
    buffer = FrameBuffer()
    payloads = []
    for start in range(0, len(sent), chunk_bytes):
        buffer.add(sent[start : start + chunk_bytes])
        while (payload := buffer.next_payload()) is not None:
            payloads.append(payload)
    assert [decode(payload) for payload in payloads] == [frame, Finished(0)]


PAGE = {"frame": "page", "page_number": 1, "text": "text"}
OPENED = {"frame": "opened", "engine": "e", "page_count": 1, "metadata": {}, "repaired": False}
FAILED = {"frame": "failed", "reason": "CORRUPT", "message": "m"}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"[" * 100_000,
        b"1" * 10_000,
        b"[]",
        b"{}",
        b'{"frame": "page", "page_number": 1, "text": "\xff"}',
        *(
            json.dumps(fields).encode()
            for fields in [
                {"frame": "other"},
                {"frame": ["page"]},
                PAGE | {"page_number": "1"},
                PAGE | {"page_number": -1},
                PAGE | {"page_number": True},
                PAGE | {"page_number": 1.0},
                PAGE | {"text": None},
                PAGE | {"text": "nul \x00"},
                PAGE | {"text": "lone \ud800"},
                PAGE | {"text": "escape \x1b[2J"},
                OPENED | {"engine": 7},
                OPENED | {"engine": "e" * 501},
                OPENED | {"repaired": 0},
                OPENED | {"metadata": []},
                OPENED | {"metadata": {"other": "key"}},
                OPENED | {"metadata": {"title": 1}},
                OPENED | {"metadata": {"title": "t" * 257}},
                FAILED | {"reason": "NO_SUCH_REASON"},
                FAILED | {"reason": "LEASE_LOST"},
                FAILED | {"message": "two\nlines"},
                {"frame": "confined", "missing": "all"},
                {"frame": "confined", "missing": [1]},
                {"frame": "confined", "missing": ["m"] * 501},
                {"frame": "done"},
            ]
        ),
    ],
)
def test_malformed_frames_are_a_crash(payload: bytes) -> None:
    """Nothing that a hostile document makes its process write is taken for anything but a crash."""
    with pytest.raises(JobFailure) as failed:
        decode(payload)
    assert failed.value.reason is FailureReason.PARSER_CRASHED


@given(st.binary(max_size=200))
def test_arbitrary_bytes_do_no_harm(written: bytes) -> None:
    """Random output ends as a crash, or waits for more, and raises nothing else."""
    buffer = FrameBuffer()
    buffer.add(written)
    with suppress(JobFailure):
        while (payload := buffer.next_payload()) is not None:
            decode(payload)


def test_a_frame_that_is_too_long_is_refused_when_announced() -> None:
    """Not one byte of a frame above the limit is waited for."""
    buffer = FrameBuffer()
    buffer.add(struct.pack("!I", FRAME_BYTES_MAX))
    assert buffer.next_payload() is None
    buffer = FrameBuffer()
    buffer.add(struct.pack("!I", FRAME_BYTES_MAX + 1))
    with pytest.raises(JobFailure, match="too long"):
        buffer.next_payload()
