"""Why a job fails: one table of stable reasons, and the exception that carries one."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """The part of the work that a job is in, or that it failed in."""

    QUEUE = "QUEUE"
    """Waiting for a worker."""
    FETCH = "FETCH"
    """Bringing the PDF's bytes here."""
    EXTRACT = "EXTRACT"
    """Reading the text, page by page."""
    SUMMARIZE = "SUMMARIZE"
    """Choosing the summary."""


class FailureReason(StrEnum):
    """The stable names of failures. Clients may branch on them: a name is never changed, only added."""

    FORBIDDEN_URL = "FORBIDDEN_URL"
    """The URL, or a redirect of it, leads to an address that this gateway does not fetch from."""
    SOURCE_NOT_FOUND = "SOURCE_NOT_FOUND"
    """The origin answered 404 or 410."""
    SOURCE_DENIED = "SOURCE_DENIED"
    """The origin answered 401, 403 or 407."""
    SOURCE_REFUSED = "SOURCE_REFUSED"
    """The origin answered with another status that a repeat of the request would not change."""
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    """The origin answered 5xx, 408, 425 or 429."""
    SOURCE_UNREACHABLE = "SOURCE_UNREACHABLE"
    """The origin's name does not resolve, it does not accept connections, or the connection broke."""
    SOURCE_TLS_FAILED = "SOURCE_TLS_FAILED"
    """The origin's certificate could not be verified."""
    SOURCE_TOO_SLOW = "SOURCE_TOO_SLOW"
    """The whole download did not end in its time."""
    TOO_MANY_REDIRECTS = "TOO_MANY_REDIRECTS"
    """The origin redirected more often than allowed."""
    UPLOAD_LOST = "UPLOAD_LOST"
    """The uploaded bytes are no longer in the blob store."""
    TOO_LARGE = "TOO_LARGE"
    """The PDF has more bytes than allowed."""
    NOT_A_PDF = "NOT_A_PDF"
    """The first 1,024 bytes hold no PDF header."""
    CORRUPT = "CORRUPT"
    """It begins as a PDF, but its structure cannot be read."""
    ENCRYPTED = "ENCRYPTED"
    """It opens with a password, or a certificate, only."""
    TOO_MANY_PAGES = "TOO_MANY_PAGES"
    """It has more pages than allowed."""
    TIME_LIMIT = "TIME_LIMIT"
    """Reading it took longer than allowed."""
    MEMORY_LIMIT = "MEMORY_LIMIT"
    """Reading it took more memory than allowed."""
    OUTPUT_LIMIT = "OUTPUT_LIMIT"
    """It gives more text than allowed."""
    UNSUPPORTED = "UNSUPPORTED"
    """It uses a feature of PDF that the engine does not know."""
    PARSER_CRASHED = "PARSER_CRASHED"
    """The process that read it died."""
    POISON = "POISON"
    """The process that read it died, time and again."""
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    """The job's own deadline passed."""
    LEASE_LOST = "LEASE_LOST"
    """Its workers died or fell silent, as often as the job has attempts."""
    INTERNAL = "INTERNAL"
    """A fault of this service, not of the PDF."""


@dataclass(frozen=True, slots=True)
class FailureRule:
    """What follows from a reason."""

    retryable: bool
    """Another attempt may end differently without anybody changing anything."""
    phase: Phase
    """Where it happens, unless the failure says otherwise."""


FAILURE_RULES: dict[FailureReason, FailureRule] = {
    FailureReason.FORBIDDEN_URL: FailureRule(False, Phase.FETCH),
    FailureReason.SOURCE_NOT_FOUND: FailureRule(False, Phase.FETCH),
    FailureReason.SOURCE_DENIED: FailureRule(False, Phase.FETCH),
    FailureReason.SOURCE_REFUSED: FailureRule(False, Phase.FETCH),
    FailureReason.SOURCE_UNAVAILABLE: FailureRule(True, Phase.FETCH),
    FailureReason.SOURCE_UNREACHABLE: FailureRule(True, Phase.FETCH),
    FailureReason.SOURCE_TLS_FAILED: FailureRule(False, Phase.FETCH),
    FailureReason.SOURCE_TOO_SLOW: FailureRule(True, Phase.FETCH),
    FailureReason.TOO_MANY_REDIRECTS: FailureRule(False, Phase.FETCH),
    FailureReason.UPLOAD_LOST: FailureRule(False, Phase.FETCH),
    FailureReason.TOO_LARGE: FailureRule(False, Phase.FETCH),
    FailureReason.NOT_A_PDF: FailureRule(False, Phase.FETCH),
    FailureReason.CORRUPT: FailureRule(False, Phase.EXTRACT),
    FailureReason.ENCRYPTED: FailureRule(False, Phase.EXTRACT),
    FailureReason.TOO_MANY_PAGES: FailureRule(False, Phase.EXTRACT),
    FailureReason.TIME_LIMIT: FailureRule(False, Phase.EXTRACT),
    FailureReason.MEMORY_LIMIT: FailureRule(False, Phase.EXTRACT),
    FailureReason.OUTPUT_LIMIT: FailureRule(False, Phase.EXTRACT),
    FailureReason.UNSUPPORTED: FailureRule(False, Phase.EXTRACT),
    FailureReason.PARSER_CRASHED: FailureRule(True, Phase.EXTRACT),
    FailureReason.POISON: FailureRule(False, Phase.EXTRACT),
    FailureReason.DEADLINE_EXCEEDED: FailureRule(False, Phase.QUEUE),
    FailureReason.LEASE_LOST: FailureRule(True, Phase.EXTRACT),
    FailureReason.INTERNAL: FailureRule(True, Phase.EXTRACT),
}


class JobFailure(Exception):
    """A job's attempt failed: the reason, and a message for people that quotes neither secrets nor the document.

    `args` is exactly what Celery stores of an exception, so that the record carries the failure in Celery's own form.
    """

    def __init__(self, reason: FailureReason | str, message: str, phase: Phase | str | None = None) -> None:
        self.reason = FailureReason(reason)
        self.message = message
        self.phase = Phase(phase) if phase else FAILURE_RULES[self.reason].phase
        super().__init__(self.reason.value, message, self.phase.value)

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.message}"

    @property
    def retryable(self) -> bool:
        """Whether another attempt may end differently without anybody changing anything."""
        return FAILURE_RULES[self.reason].retryable
