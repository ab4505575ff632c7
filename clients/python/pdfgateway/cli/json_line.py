"""JSON on one line, as the gateway's HTTP side writes it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

_JSON: TypeAlias = "Mapping[str, _JSON] | list[_JSON] | tuple[_JSON, ...] | str | int | float | datetime | None"


def json_line(document: Mapping[str, _JSON]) -> str:
    """Return a document without its unset fields."""
    return json.dumps(_without_unset(document), ensure_ascii=False, default=time_text)


def time_text(time: datetime) -> str:
    """Return a time in UTC by RFC 3339."""
    return time.isoformat().replace("+00:00", "Z")


def _without_unset(value: _JSON) -> _JSON:
    """Return a value without the fields of its objects that are None."""
    if isinstance(value, Mapping):
        return {key: _without_unset(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_unset(item) for item in value]
    return value
