"""Which items of the queue are jobs' messages."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.queue_items import JOB_ID, MALFORMED, UNKNOWN_TASKS, hostile_message, job_message, stock_message
from workers.message_check import MESSAGE_BYTES_MAX, TASK_CHARS_MAX, MessageFault, NotAJobMessage, job_id_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def restored(message: dict[str, Any]) -> dict[str, Any]:
    """A message that kombu has put back on the queue."""
    message["headers"]["redelivered"] = True
    message["properties"]["delivery_info"]["redelivered"] = True
    return message


@pytest.mark.parametrize(
    "item",
    [
        json.dumps(job_message()).encode(),
        json.dumps(restored(job_message())).encode(),
        json.dumps(stock_message()).encode(),
        json.dumps(stock_message(priority=9, headers={"traceparent": "00-1-2-3"})).encode(),
        hostile_message(JOB_ID),
    ],
    ids=["ours", "restored", "Celery's", "Celery's with more", "hostile beside the id"],
)
def test_a_jobs_message_gives_the_jobs_id(item: bytes) -> None:
    """Ours and a stock send_task's; what a message says beside that is nobody's business."""
    assert job_id_of(item) == JOB_ID


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_message_is_no_jobs(name: str) -> None:
    """Whatever is wrong with it; and the reason is short, and quotes nothing of it."""
    with pytest.raises(NotAJobMessage) as raised:
        job_id_of(MALFORMED[name])
    assert raised.value.fault == MessageFault.MALFORMED_MESSAGE
    assert raised.value.message.isascii()
    assert len(raised.value.message) < 120


@pytest.mark.parametrize("name", UNKNOWN_TASKS)
def test_a_message_of_another_task_is_told_by_the_tasks_name(name: str) -> None:
    """The name is shown in ASCII and up to a length."""
    with pytest.raises(NotAJobMessage) as raised:
        job_id_of(UNKNOWN_TASKS[name])
    assert raised.value.fault == MessageFault.UNKNOWN_TASK
    assert raised.value.message.isascii()
    assert len(raised.value.message) < TASK_CHARS_MAX + 50


@pytest.mark.parametrize(("surplus_bytes", "is_read"), [(0, True), (1, False)])
def test_a_message_of_the_greatest_size_is_read_and_no_longer_one(surplus_bytes: int, is_read: bool) -> None:
    """The limit is exact."""
    item = json.dumps(job_message()).encode()
    item += b" " * (MESSAGE_BYTES_MAX - len(item) + surplus_bytes)
    with contextlib.nullcontext() if is_read else pytest.raises(NotAJobMessage, match=f"{MESSAGE_BYTES_MAX}"):
        assert job_id_of(item) == JOB_ID


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_items_are_no_jobs_messages(item: bytes) -> None:
    """No bytes and no JSON make the check fail in another way."""
    with pytest.raises(NotAJobMessage):
        job_id_of(item)


@given(
    st.sampled_from(
        [(name,) for name in job_message()]
        + [(part, name) for part in ("headers", "properties") for name in job_message()[part]]
    ),
    JSON,
)
def test_a_message_with_anything_in_one_place_is_a_jobs_or_none(path: tuple[str, ...], value: Any) -> None:
    """Either the job's id comes out, or a reason."""
    message = job_message()
    place = message if len(path) == 1 else message[path[0]]
    place[path[-1]] = value
    with contextlib.suppress(NotAJobMessage):
        assert job_id_of(json.dumps(message).encode()) == JOB_ID
