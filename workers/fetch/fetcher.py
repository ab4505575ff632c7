"""Bring a PDF from its URL: each hop is resolved once, checked, dialled there, and read within limits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from requests import RequestException, Response
from urllib3.exceptions import HTTPError

from workers.fetch.address_policy import IPAddress, refusal
from workers.fetch.body import CHUNK_BYTES_MAX, as_pdf, decoded, too_large, within_size
from workers.fetch.cutoff import POLL_SECONDS, Cutoff
from workers.fetch.dial import Dialler, hang_up
from workers.fetch.log_redaction import redact_library_logs
from workers.fetch.origin_answer import (
    content_coding,
    declared_size_bytes,
    media_type,
    reason_of_status,
    redirected,
)
from workers.fetch.own_address import is_own_address
from workers.fetch.pinned_adapter import PinnedAdapter
from workers.fetch.resolution import Resolve, Resolver, system_resolve
from workers.fetch.source_url import SourceUrl
from workers.jobs.failure import FailureReason, JobFailure
from workers.settings import WorkerSettings

# The same for every hop, so that there is nothing to be stripped on the way from one origin to the next.
_HEADERS = {
    "User-Agent": "pdfgateway",
    "Accept": "application/pdf, */*;q=0.5",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class Fetcher:
    """Fetches sources. Safe to be shared by threads: a download keeps nothing here."""

    def __init__(
        self,
        settings: WorkerSettings,
        resolve: Resolve = system_resolve,
        authorities_file: Path | None = None,
    ) -> None:
        """Fetch within the settings' limits; `authorities_file` adds certificate authorities (PEM)."""
        self._settings = settings
        self._resolver = Resolver(resolve)
        self._dialler = Dialler(authorities_file)
        redact_library_logs()

    def fetch(
        self,
        url: SourceUrl,
        into: BinaryIO,
        *,
        stop: Callable[[], bool],
        on_bytes: Callable[[int], None],
    ) -> int:
        """Write the PDF at the URL to `into`, and return its size in bytes.

        `stop` is asked at least four times a second, in this thread. `on_bytes` is told the bytes written so
        far, after each chunk. Raises JobFailure with the reason, FetchStopped when `stop` says True, and
        OSError when `into` cannot be written; it then holds a part of the PDF, or nothing.
        """
        cutoff = Cutoff(url, self._settings.fetch_seconds_max, stop)
        hop = url
        for _ in range(self._settings.redirects_max + 1):
            with self._answer(hop, cutoff) as answer:
                target = redirected(hop, answer.status_code, answer.headers)
                if target is None:
                    return self._receive(hop, answer, into, cutoff, on_bytes)
                hop = target
        raise JobFailure(
            FailureReason.TOO_MANY_REDIRECTS,
            f"{url} redirects more often than {self._settings.redirects_max} times",
        )

    @contextmanager
    def _answer(self, url: SourceUrl, cutoff: Cutoff) -> Iterator[Response]:
        """The origin's answer, its body unread."""
        addresses = self._resolver.addresses(url, cutoff)
        self._check(url, addresses)
        connection = self._dialler.dial(url, addresses, cutoff)
        with ExitStack() as at_end:
            at_end.callback(hang_up, connection)
            adapter = at_end.enter_context(closing(PinnedAdapter(url, connection)))
            try:
                answer = adapter.get(_HEADERS, POLL_SECONDS)
            except (RequestException, HTTPError):  # it may quote the URL
                raise JobFailure(
                    FailureReason.SOURCE_UNREACHABLE, f"the connection to {url} broke before an HTTP answer"
                ) from None
            yield at_end.enter_context(closing(answer))

    def _check(self, url: SourceUrl, addresses: Sequence[IPAddress]) -> None:
        """Raises JobFailure FORBIDDEN_URL unless every address may be fetched from."""
        allow_private = self._settings.allow_private_networks
        for address in addresses:
            refused = refusal(address, allow_private=allow_private)
            if refused is None and not allow_private and is_own_address(address):
                refused = "an address of the gateway itself"
            if refused is not None:
                raise JobFailure(FailureReason.FORBIDDEN_URL, f"{url} is not fetched from: it leads to {refused}")

    def _receive(
        self,
        url: SourceUrl,
        answer: Response,
        into: BinaryIO,
        cutoff: Cutoff,
        on_bytes: Callable[[int], None],
    ) -> int:
        reason = reason_of_status(answer.status_code)
        if reason is not None:
            raise JobFailure(reason, f"{url} answered {answer.status_code}")
        bytes_max = self._settings.pdf_bytes_max
        if (declared_size_bytes(answer.headers) or 0) > bytes_max:
            raise too_large(url, bytes_max)
        received = within_size(url, _received(url, answer, cutoff), bytes_max)
        plain = within_size(url, decoded(url, received, content_coding(answer.headers)), bytes_max)
        size_bytes = 0
        for chunk in as_pdf(url, plain, media_type(answer.headers)):
            into.write(chunk)
            size_bytes += len(chunk)
            on_bytes(size_bytes)
        return size_bytes


def _received(url: SourceUrl, answer: Response, cutoff: Cutoff) -> Iterator[bytes]:
    """The body as it comes, in its content coding."""
    while True:
        cutoff.check()
        try:
            chunk: bytes = answer.raw.read1(CHUNK_BYTES_MAX, decode_content=False)
        except (HTTPError, OSError):  # it may quote the URL
            raise JobFailure(
                FailureReason.SOURCE_UNREACHABLE, f"the connection to {url} broke before the body's end"
            ) from None
        if not chunk:
            return
        yield chunk
