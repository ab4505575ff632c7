"""Page tokens of lists (AIP-158): opaque to clients, and good for the list that they come from only. Pure."""

import base64
import hashlib
import json

from gateway.errors import FieldViolation, invalid

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 200
TOKEN_LENGTH_MAX = 500


def checked_page_size(page_size: int) -> int:
    """The page size that is asked for: 0 asks for the default.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    if not 0 <= page_size <= PAGE_SIZE_MAX:
        raise invalid(FieldViolation("page_size", f"must be from 1 to {PAGE_SIZE_MAX}, is {page_size}"))
    return page_size or PAGE_SIZE_DEFAULT


def page_token(query: object, place: list[str | int]) -> str:
    """The token for what comes after a place in the list of a query."""
    return base64.urlsafe_b64encode(json.dumps([_digest(query), *place]).encode()).decode()


def parse_page_token(query: object, token: str, *kinds: type) -> list[str | int]:
    """The place that a token of the query's list holds, its parts of these kinds.

    Raises:
        Refusal: INVALID_ARGUMENT, where it is none.
    """
    wrong = invalid(FieldViolation("page_token", "must be the next_page_token of a page of the same list"))
    if len(token) > TOKEN_LENGTH_MAX:
        raise wrong
    place: list[str | int]
    try:
        digest, *place = json.loads(base64.b64decode(token, altchars="-_", validate=True))
    except (ValueError, TypeError):
        raise wrong from None
    if digest != _digest(query) or [type(part) for part in place] != list(kinds):
        raise wrong
    return place


def _digest(query: object) -> str:
    return hashlib.sha256(repr(query).encode("utf-8", "surrogatepass")).hexdigest()[:16]
