"""What an origin's answer means: its status, its redirect and its headers, as decisions without I/O."""

import re
from collections.abc import Mapping

from workers.fetch.source_url import SourceUrl, SourceUrlError
from workers.jobs.failure import FailureReason, JobFailure

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_STATUS_REASONS = {
    401: FailureReason.SOURCE_DENIED,
    403: FailureReason.SOURCE_DENIED,
    404: FailureReason.SOURCE_NOT_FOUND,
    407: FailureReason.SOURCE_DENIED,
    408: FailureReason.SOURCE_UNAVAILABLE,
    410: FailureReason.SOURCE_NOT_FOUND,
    425: FailureReason.SOURCE_UNAVAILABLE,
    429: FailureReason.SOURCE_UNAVAILABLE,
}
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")  # RFC 6838, 4.2
_CONTENT_LENGTH = re.compile(r"[0-9]{1,18}")


def reason_of_status(status: int) -> FailureReason | None:
    """Why an answer of this status, no redirect, brings no PDF; None: it is 200, and may bring one."""
    if status == 200:
        return None
    if 500 <= status <= 599:
        return FailureReason.SOURCE_UNAVAILABLE
    return _STATUS_REASONS.get(status, FailureReason.SOURCE_REFUSED)


def redirected(url: SourceUrl, status: int, headers: Mapping[str, str]) -> SourceUrl | None:
    """The URL that an answer redirects to; None: it does not.

    Raises JobFailure FORBIDDEN_URL for a Location that is not accepted as a source, or that gives up TLS.
    """
    location = headers.get("Location")
    if status not in _REDIRECTS or location is None:
        return None
    try:
        target = url.join(_header_as_utf8(location))
    except SourceUrlError as error:
        raise JobFailure(
            FailureReason.FORBIDDEN_URL, f"{url} redirects to a URL that is not fetched: {error}"
        ) from None
    if url.scheme == "https" and target.scheme == "http":
        raise JobFailure(FailureReason.FORBIDDEN_URL, f"{url} redirects from https to http, which is not followed")
    return target


def declared_size_bytes(headers: Mapping[str, str]) -> int | None:
    """The size of the body as its origin declares it; None: it does not, or in no way that counts."""
    text = headers.get("Content-Length", "").strip()
    return int(text) if _CONTENT_LENGTH.fullmatch(text) else None


def media_type(headers: Mapping[str, str]) -> str | None:
    """The body's media type without parameters, safe to show; None: nothing that looks like one is given."""
    text = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return text if _MEDIA_TYPE.fullmatch(text) else None


def content_coding(headers: Mapping[str, str]) -> str:
    """The body's content coding in lower case; empty: none."""
    return headers.get("Content-Encoding", "").strip().lower()


def _header_as_utf8(value: str) -> str:
    """A header's text, which `http.client` reads as Latin-1, read as the UTF-8 that origins send."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        raise SourceUrlError("the redirect's Location is not UTF-8") from None
