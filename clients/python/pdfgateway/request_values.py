"""Values of requests: from Python's to the contract's; what no message can hold is InvalidArgument."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pdfgateway.errors import InvalidArgument


@contextmanager
def only_what_fits() -> Iterator[None]:
    """Make a request within: raises InvalidArgument for values that the message's fields cannot hold."""
    try:
        yield
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(f"the request cannot hold a value: {error}") from error


def duration(seconds: float | None) -> Duration | None:
    """Return the duration, to the millisecond. Raises ValueError or OverflowError for no finite number."""
    if seconds is None:
        return None
    message = Duration()
    message.FromMilliseconds(round(seconds * 1000))
    return message


def timestamp(time: datetime | None) -> Timestamp | None:
    """Return the time, to the microsecond. Raises ValueError for a time without a zone, which may mean any."""
    if time is None:
        return None
    if time.utcoffset() is None:
        raise ValueError(f"{time.isoformat()} has no time zone, such as datetime.UTC")
    message = Timestamp()
    message.FromDatetime(time)
    return message
