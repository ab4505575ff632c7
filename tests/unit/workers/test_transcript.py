"""What a reading process may tell next."""

import pytest

from workers.extract.events import Event, Finished, Opened, PageFailed, PageRead
from workers.jobs.failure import FailureReason, JobFailure
from workers.sandbox.frames import Confined, Failed, Frame, encode
from workers.sandbox.transcript import Transcript

CONFINED = Confined(())
OPENED = Opened("engine", 2, {}, repaired=False)
PAGES = [PageRead(1, "one"), PageRead(2, "two")]
BROKEN = [PageFailed(number, FailureReason.CORRUPT, "message") for number in (1, 2)]


def told(*frames: Frame, pages_max: int = 10, text_bytes_max: int = 100) -> list[Event]:
    """The events that these frames tell, one after the other."""
    transcript = Transcript(pages_max=pages_max, text_bytes_max=text_bytes_max)
    events = [transcript.accept(encode(frame)[4:]) for frame in frames]
    return [event for event in events if event is not None]


@pytest.mark.parametrize(
    "events",
    [[OPENED, *PAGES, Finished(0)], [OPENED, BROKEN[0], PAGES[1], Finished(1)], [OPENED, PAGES[0]]],
)
def test_events_in_order_are_told(events: list[Event]) -> None:
    """A whole reading, one with a failed page, and one that is not at its end."""
    assert told(CONFINED, *events) == events


@pytest.mark.parametrize(
    "frames",
    [
        [OPENED],
        [CONFINED, CONFINED],
        [CONFINED, Finished(0)],
        [CONFINED, PAGES[0]],
        [CONFINED, OPENED, OPENED],
        [CONFINED, OPENED, PAGES[1]],
        [CONFINED, OPENED, PAGES[0], PAGES[0]],
        [CONFINED, OPENED, *PAGES, PageRead(3, "three")],
        [CONFINED, OPENED, PAGES[0], Finished(0)],
        [CONFINED, OPENED, *PAGES, Finished(1)],
        [CONFINED, OPENED, BROKEN[0], PAGES[1], Finished(0)],
        [CONFINED, OPENED, *BROKEN, Finished(2)],
        [CONFINED, Opened("engine", 0, {}, repaired=False)],
        [CONFINED, Opened("engine", 11, {}, repaired=False)],
    ],
)
def test_anything_out_of_order_is_a_crash(frames: list[Frame]) -> None:
    """A page twice, a page too many, an early end, a wrong sum: none of it is believed."""
    with pytest.raises(JobFailure) as failed:
        told(*frames)
    assert failed.value.reason is FailureReason.PARSER_CRASHED


def test_a_failure_is_raised_as_it_was_told() -> None:
    """The reason and the message of a document that cannot be read arrive unchanged."""
    with pytest.raises(JobFailure) as failed:
        told(CONFINED, Failed(FailureReason.ENCRYPTED, "It opens with a password only."))
    assert failed.value.reason is FailureReason.ENCRYPTED
    assert failed.value.message == "It opens with a password only."


def test_text_is_limited_in_sum_and_in_bytes() -> None:
    """The limit counts UTF-8 bytes of all pages, not characters of one."""
    pages = [PageRead(1, "水" * 10), PageRead(2, "水" * 10)]
    assert told(CONFINED, OPENED, *pages, text_bytes_max=60) == [OPENED, *pages]
    with pytest.raises(JobFailure) as failed:
        told(CONFINED, OPENED, *pages, text_bytes_max=59)
    assert failed.value.reason is FailureReason.OUTPUT_LIMIT


def test_missing_protections_are_known() -> None:
    """What a system does not give is heard before the document is open."""
    transcript = Transcript(pages_max=1, text_bytes_max=1)
    assert transcript.accept(encode(Confined(("memory-limit",)))[4:]) is None
    assert transcript.missing_protections == ("memory-limit",)
    assert transcript.page_count is None
