"""What may lie on the queue: jobs' messages, and items that are none, by what is wrong with them."""

import base64
import functools
import json
import pickle
from typing import Any

from celery import Celery
from kombu.connection import Connection

from workers.celery_settings import APP_SETTINGS, QUEUE, TASK_NAME
from workers.envelope import make_envelope

ENVELOPE = make_envelope()
JOB_ID = "0b1c7a52-6f0e-4c9e-9a0e-3c1d5a7e2f40"

Message = dict[str, Any]


def job_message(job_id: str = JOB_ID) -> Message:
    """A job's message, as the gateway puts it on the queue."""
    text = ENVELOPE.text.replace(ENVELOPE.id_place, job_id).replace(ENVELOPE.tag_place, f"{job_id}.1.1")
    message: Message = json.loads(text)
    return message


def stock_message(task: str = TASK_NAME, **options: Any) -> Message:
    """What Celery's own send_task puts on the queue."""
    app = Celery(set_as_current=False)
    app.conf.update({**APP_SETTINGS, "accept_content": ["json", "pickle", "yaml"], "task_default_queue": QUEUE})
    with Connection("memory://") as connection, connection.channel() as channel:
        app.send_task(task, producer=connection.Producer(channel), **{"task_id": JOB_ID, **options})
        message: Message = channel._get(QUEUE)
        channel.queue_delete(QUEUE)
    return message


def changed(*path: str, to: Any) -> bytes:
    """A job's message with one thing in it that is different."""
    message = job_message()
    parent_of(message, path)[path[-1]] = to
    return json.dumps(message).encode()


def without(*path: str) -> bytes:
    """A job's message with one thing missing in it."""
    message = job_message()
    del parent_of(message, path)[path[-1]]
    return json.dumps(message).encode()


def parent_of(message: Message, path: tuple[str, ...]) -> Message:
    """The object that holds the last name of a path."""
    return functools.reduce(lambda place, name: place[name], path[:-1], message)


def with_body(body: Any) -> bytes:
    """A job's message with another body, in JSON."""
    return changed("body", to=base64.b64encode(json.dumps(body).encode()).decode())


NOTHING_FOLLOWS = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
PICKLE = base64.b64encode(pickle.dumps(([], {}, NOTHING_FOLLOWS))).decode()
DEEP = "[" * 20_000

MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"not json at all",
    "not UTF-8": b'\xff\xfe{"body"\xc3\x28',
    "UTF-16": json.dumps(job_message()).encode("utf-16"),
    "a megabyte of garbage": b"\x00\xa5z" * 350_000,
    "a megabyte of JSON": changed("headers", "shadow", to="x" * 1_000_000),
    "nested too deep": DEEP.encode(),
    "nested too deep in a field": changed("headers", "x", to="deep").replace(b'"deep"', DEEP.encode()),
    "a number with too many digits": b"1" * 6_000,
    "null": b"null",
    "a list": b"[]",
    "a text": b'"process_pdf"',
    "an object of nothing": b"{}",
    "no headers": without("headers"),
    "no properties": without("properties"),
    "no body": without("body"),
    "headers null": changed("headers", to=None),
    "headers a list": changed("headers", to=[["task", "process_pdf"]]),
    "properties null": changed("properties", to=None),
    "protocol 1": changed("headers", to={}),
    "no task": without("headers", "task"),
    "task a list": changed("headers", "task", to=["process_pdf"]),
    "no id": without("headers", "id"),
    "id null": changed("headers", "id", to=None),
    "id a number": changed("headers", "id", to=17),
    "id an object": changed("headers", "id", to={}),
    "id no UUID": changed("headers", "id", to="no-such-id"),
    "id a UUID in another spelling": changed("headers", "id", to=JOB_ID.upper()),
    "id with a newline": changed("headers", "id", to=JOB_ID + "\n"),
    "eta no time": changed("headers", "eta", to="soon"),
    "eta an object": changed("headers", "eta", to={}),
    "eta in a thousand years": changed("headers", "eta", to="3026-01-01T00:00:00+00:00"),
    "expires no time": changed("headers", "expires", to="soon"),
    "expires out of range": changed("headers", "expires", to="0001-01-01T00:00:00+23:59"),
    "compressed": changed("headers", "compression", to="application/x-gzip"),
    "compressed in an unknown way": changed("headers", "compression", to="application/x-nothing"),
    "pickle": json.dumps(stock_message(serializer="pickle")).encode(),
    "pickle that says JSON": changed("body", to=PICKLE),
    "yaml": json.dumps(stock_message(serializer="yaml")).encode(),
    "content-type unknown": changed("content-type", to="text/html"),
    "content-type an object": changed("content-type", to={}),
    "no content-type": without("content-type"),
    "content-encoding unknown": changed("content-encoding", to="klingon"),
    "content-encoding binary": changed("content-encoding", to="binary"),
    "body_encoding unknown": changed("properties", "body_encoding", to="rot13"),
    "no body_encoding": without("properties", "body_encoding"),
    "body null": changed("body", to=None),
    "body an object": changed("body", to={}),
    "body empty": changed("body", to=""),
    "body no base64": changed("body", to="%%%%"),
    "body not ASCII": changed("body", to="Ünïcödé="),
    "body no JSON": changed("body", to=base64.b64encode(b"{{{").decode()),
    "body not UTF-8": changed("body", to=base64.b64encode(b"\xff\xfe\xfd").decode()),
    "body nested too deep": changed("body", to=base64.b64encode(DEEP.encode()).decode()),
    "body an object in JSON": with_body({"a": 1}),
    "body a list of two": with_body([[], {}]),
    "body a list of four": with_body([[], {}, NOTHING_FOLLOWS, None]),
    "arguments": with_body([[1, 2, 3], {}, NOTHING_FOLLOWS]),
    "keyword arguments": with_body([[], {"url": "https://example.com/"}, NOTHING_FOLLOWS]),
    "arguments null": with_body([None, None, NOTHING_FOLLOWS]),
    "embed null": with_body([[], {}, None]),
    "callbacks": with_body([[], {}, {**NOTHING_FOLLOWS, "callbacks": [{"task": "other", "args": []}]}]),
    "a chain": with_body([[], {}, {**NOTHING_FOLLOWS, "chain": [{"task": "other", "args": []}]}]),
}
"""Items with reason MALFORMED_MESSAGE."""

UNKNOWN_TASKS: dict[str, bytes] = {
    "another's task": json.dumps(stock_message("somebody_elses", args=["secret"])).encode(),
    "a task without a name": changed("headers", "task", to=""),
    "a task with a name that is no text": changed("headers", "task", to="\ud800\x00\n"),
    "a task with a long name": changed("headers", "task", to="x" * 10_000),
    "another's task in pickle": json.dumps(stock_message("somebody_elses", serializer="pickle")).encode(),
}
"""Items with reason UNKNOWN_TASK."""


def hostile_message(job_id: str) -> bytes:
    """A job's message in which everything that a job's message may say as it likes would end a consumer."""
    message = job_message(job_id)
    message["headers"].update(
        {"shadow": {}, "timelimit": "1", "retries": "many", "stamps": 7, "root_id": [], "ignore_result": True}
    )
    message["properties"].update(
        {"delivery_tag": [], "delivery_info": 7, "priority": "high", "correlation_id": {}, "reply_to": []}
    )
    return json.dumps(message).encode()
