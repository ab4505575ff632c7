"""What one reading process has told so far, held against what it may tell next."""

from workers.extract.events import Event, Finished, Opened, PageFailed, PageRead
from workers.jobs.failure import FailureReason, JobFailure
from workers.sandbox.frames import Confined, Failed, decode, malformed


class Transcript:
    """The order of frames and their sum. It is pure: bytes in, events out."""

    def __init__(self, *, pages_max: int, text_bytes_max: int) -> None:
        self._pages_max = pages_max
        self._text_bytes_max = text_bytes_max
        self._text_bytes = 0
        self._pages_done = 0
        self._pages_failed = 0
        self.page_count: int | None = None
        """Pages of the document; None until it is open."""
        self.missing_protections: tuple[str, ...] | None = None
        """What the process could not give up; None until it has said so."""

    def accept(self, payload: bytes) -> Event | None:
        """The event that the next frame tells, None for one that is no event.

        Raises JobFailure: the one that the frame tells; OUTPUT_LIMIT when the text in sum is above its limit;
        PARSER_CRASHED when the frame is malformed or out of order.
        """
        match decode(payload):
            case Confined() as confined:
                self._require(self.missing_protections is None)
                self.missing_protections = confined.missing
                return None
            case Failed() as failed:
                raise JobFailure(failed.reason, failed.message)
            case Opened() as opened:
                self._require(self.missing_protections is not None and self.page_count is None)
                self._require(1 <= opened.page_count <= self._pages_max)
                self.page_count = opened.page_count
                return opened
            case PageRead() | PageFailed() as page:
                self._count(page)
                return page
            case Finished() as finished:
                self._require(self._pages_done == self.page_count)
                self._require(finished.pages_failed == self._pages_failed < self._pages_done)
                return finished

    def _count(self, page: PageRead | PageFailed) -> None:
        self._pages_done += 1
        self._require(page.page_number == self._pages_done <= (self.page_count or 0))
        if isinstance(page, PageFailed):
            self._pages_failed += 1
            return
        self._text_bytes += len(page.text.encode())
        if self._text_bytes > self._text_bytes_max:
            raise JobFailure(
                FailureReason.OUTPUT_LIMIT, f"the PDF gives more than {self._text_bytes_max:,} bytes of text"
            )

    @staticmethod
    def _require(in_order: bool) -> None:
        if not in_order:
            malformed("a frame out of order")
