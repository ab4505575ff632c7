"""Whether an item of the queue is a job's message, and which job's: pure.

A job's message carries nothing but the job's id, so it may say little, and all of that is checked here. The rest of it
is not looked at, and nobody may use it: workers.kombu_shim makes Celery's message anew.
"""

import base64
import json
import uuid
from enum import StrEnum
from typing import Any

from workers.celery_settings import TASK_NAME

MESSAGE_BYTES_MAX = 64 * 1024
"""A job's message has less than 1 KiB. What is longer than this is not even parsed."""
TASK_CHARS_MAX = 200
"""Characters of an unknown task's name that are shown."""


class MessageFault(StrEnum):
    """Why an item is no job's message. Programs may branch on it: a name is never changed, only added."""

    MALFORMED_MESSAGE = "MALFORMED_MESSAGE"
    """It is no message of Celery's, or one that our task cannot have."""
    UNKNOWN_TASK = "UNKNOWN_TASK"
    """It is a message for a task that is not ours."""


class NotAJobMessage(Exception):
    """An item of the queue is no job's message. The message is for people and quotes at most the name of a task."""

    def __init__(self, fault: MessageFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message


def job_id_of(item: bytes) -> str:
    """The id of the job whose message this is; whether there is such a job is not known here.

    Raises:
        NotAJobMessage: and why.
    """
    if len(item) > MESSAGE_BYTES_MAX:
        raise _malformed(f"it has {len(item)} bytes; a job's message has at most {MESSAGE_BYTES_MAX}")
    message = _parse(item, "it")
    if not isinstance(message, dict):
        raise _malformed("it is JSON, but no object")
    headers, properties = message.get("headers"), message.get("properties")
    if not isinstance(headers, dict) or not isinstance(properties, dict):
        raise _malformed("its headers or its properties are no object")
    task, job_id = headers.get("task"), headers.get("id")
    if isinstance(task, str) and task != TASK_NAME:
        raise NotAJobMessage(MessageFault.UNKNOWN_TASK, f"it is for the task {task[:TASK_CHARS_MAX]!a}")
    for name, found, expected in (
        ("task", task, TASK_NAME),
        ("content-type", message.get("content-type"), "application/json"),
        ("content-encoding", message.get("content-encoding"), "utf-8"),
        ("body_encoding", properties.get("body_encoding"), "base64"),
        ("compression", headers.get("compression"), None),
        ("eta", headers.get("eta"), None),
        ("expires", headers.get("expires"), None),
    ):
        if found != expected:
            raise _malformed(f"its {name} is not {json.dumps(expected)}")
    _check_body(message.get("body"))
    if not isinstance(job_id, str) or not _is_uuid(job_id):
        raise _malformed("its id is no UUID")
    return job_id


def _check_body(body: Any) -> None:
    if not isinstance(body, str):
        raise _malformed("its body is no text")
    try:
        decoded = base64.b64decode(body, validate=True)
    except ValueError:
        raise _malformed("its body is no base64") from None
    arguments = _parse(decoded, "its body")
    if not isinstance(arguments, list) or len(arguments) != 3 or not isinstance(arguments[2], dict):
        raise _malformed("its body is no list of arguments, keyword arguments and what is to follow")
    if arguments[:2] != [[], {}]:
        raise _malformed(f"it has arguments, and {TASK_NAME} takes none")
    if any(arguments[2].values()):
        raise _malformed(f"something is to follow it, and nothing follows {TASK_NAME}")


def _parse(data: bytes, name: str) -> Any:
    """What the data say in JSON; too deep a nesting and too long a number are no JSON to us."""
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _malformed(f"{name} is no JSON in UTF-8 that can be read") from None


def _is_uuid(text: str) -> bool:
    """Whether it is a UUID in the one spelling that ids of jobs have."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _malformed(message: str) -> NotAJobMessage:
    return NotAJobMessage(MessageFault.MALFORMED_MESSAGE, message)
