"""What a load submits: a plan that the same seed makes again. Pure but for the origin that it scripts."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests import pdfs
from tests.origin import Origin


class Kind(StrEnum):
    """What is submitted."""

    UPLOAD = "UPLOAD"
    URL = "URL"
    SLOW_URL = "SLOW_URL"
    """An origin that takes seconds, so that faults meet jobs at work."""
    SHAKY_URL = "SHAKY_URL"
    """An origin that fails once and then serves."""
    LARGE = "LARGE"
    """Many pages, so that faults meet processes that read."""
    ENCRYPTED = "ENCRYPTED"
    NOT_A_PDF = "NOT_A_PDF"
    GONE_URL = "GONE_URL"


WEIGHTS = {
    Kind.UPLOAD: 46,
    Kind.LARGE: 4,
    Kind.URL: 20,
    Kind.SLOW_URL: 12,
    Kind.SHAKY_URL: 6,
    Kind.ENCRYPTED: 4,
    Kind.NOT_A_PDF: 4,
    Kind.GONE_URL: 4,
}
FAILURES = {Kind.ENCRYPTED: "ENCRYPTED", Kind.NOT_A_PDF: "NOT_A_PDF", Kind.GONE_URL: "SOURCE_NOT_FOUND"}
"""How a kind ends that does not succeed."""
PAGES_MAX = 12
LARGE_PAGES = 400
SLOW_SECONDS = 3.0
CANCELLED_SHARE = 0.05
WATCHED_SHARE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One submission, and what follows it."""

    request_id: str
    kind: Kind
    pages: int
    pause_seconds: float
    """From the order before to this one."""
    watched: bool
    """Watched live; else its state is asked for now and then."""
    cancel_after_seconds: float | None

    @property
    def may_end(self) -> frozenset[str]:
        """How the job may end."""
        end = FAILURES.get(self.kind, "SUCCEEDED")
        return frozenset({end} if self.cancel_after_seconds is None else {end, "CANCELLED"})


def orders(seed: str, pause_seconds_mean: float) -> Iterator[Order]:
    """Orders without end, the same for the same seed."""
    chance = random.Random(seed)
    kinds, weights = zip(*WEIGHTS.items(), strict=True)
    while True:
        cancelled = chance.random() < CANCELLED_SHARE
        yield Order(
            request_id=f"{chance.getrandbits(128):032x}",
            kind=chance.choices(kinds, weights)[0],
            pages=chance.randint(1, PAGES_MAX),
            pause_seconds=chance.uniform(0, 2 * pause_seconds_mean),
            watched=chance.random() < WATCHED_SHARE,
            cancel_after_seconds=chance.uniform(0, 2) if cancelled else None,
        )


def source(order: Order, origin: Origin) -> str | bytes:
    """What the order submits: bytes, or a URL that the origin serves as the order's kind says."""
    path, body = f"/{order.request_id}.pdf", pdfs.prose(order.pages)
    match order.kind:
        case Kind.UPLOAD:
            return body
        case Kind.LARGE:
            return pdfs.prose(LARGE_PAGES)
        case Kind.ENCRYPTED:
            return pdfs.encrypted()
        case Kind.URL:
            return origin.serve(path, body)
        case Kind.SLOW_URL:
            return origin.serve_in_halves(path, body, SLOW_SECONDS)
        case Kind.SHAKY_URL:
            return origin.serve_after_statuses(path, [503], body)
        case Kind.NOT_A_PDF:
            return origin.serve_html(path)
        case Kind.GONE_URL:
            return origin.serve_status(path, 404)
