"""The HTTP side over a store in memory."""

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx
import pytest

from gateway.rest import build_api
from gateway.service import GatewayService
from gateway.settings import Settings
from gateway.testing import InMemoryJobStore
from gateway.watch_hub import WatchHub
from tests.unit.gateway.conftest import InMemoryBlobs
from workers.jobs.failure import FailureReason, JobFailure
from workers.jobs.job import PDFResult, ResultWarning

URL = "https://example.com/a.pdf"
PDF = b"%PDF-1.7 and more"
RESULT = PDFResult(
    page_count=2,
    word_count=3,
    char_count=4,
    summary="A.\n\nB.",
    processing_seconds=1.5,
    sha256="0" * 64,
    size_bytes=5,
    engine="e",
    metadata={"title": "T"},
    warnings=(ResultWarning(reason="PAGES_FAILED", message="One page.", pages=(2,)),),
)


@pytest.fixture
async def http(service: GatewayService, settings: Settings) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the app."""
    transport = httpx.ASGITransport(build_api(service, settings, "1.2.3"), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def accepted(http: httpx.AsyncClient) -> str:
    """The id of an accepted job."""
    return str((await http.post("/v1/jobs", json={"url": URL})).json()["id"])


async def test_a_url_is_accepted_with_its_place(http: httpx.AsyncClient) -> None:
    """202, where the job is, and the job; nobody may keep the answer."""
    answer = await http.post("/v1/jobs", json={"url": URL + "?sig=secret", "deadline": "90.5s"})
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert (job["state"], job["seq"]) == ("QUEUED", 1)
    assert job["options"] == {"max_summary_paragraphs": 3}
    assert "secret" not in answer.text
    assert "result" not in job


async def test_a_file_is_accepted_and_kept(http: httpx.AsyncClient, blobs: InMemoryBlobs) -> None:
    """The bytes are kept by their digest before the job is accepted."""
    answer = await http.post("/v1/jobs", files={"file": ("a.pdf", PDF)}, data={"request": '{"labels": {"a": "b"}}'})
    upload = answer.json()["source"]["upload"]
    assert upload["filename"] == "a.pdf"
    assert blobs.kept == {f"uploads/{upload['sha256']}": PDF}
    assert answer.json()["labels"] == {"a": "b"}


async def test_a_job_is_shown_with_result_or_error(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """Both ends of a job, in the contract's words."""
    good, bad = await accepted(http), await accepted(http)
    for job_id in (good, bad):
        store.start(job_id)
    store.succeed(good, RESULT)
    store.fail(bad, JobFailure(FailureReason.ENCRYPTED, "It needs a password."))
    result = (await http.get(f"/v1/jobs/{good}")).json()["result"]
    assert result["processing_time"] == "1.500000s"
    assert result["warnings"] == [{"reason": "PAGES_FAILED", "message": "One page.", "pages": [2]}]
    error = (await http.get(f"/v1/jobs/{bad}")).json()["error"]
    assert error == {
        "reason": "ENCRYPTED",
        "message": "It needs a password.",
        "retryable": False,
        "phase": "EXTRACT",
    }


async def test_a_long_poll_answers_when_the_job_ends(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """And when the wait is over, with the job as it is then."""
    job_id = await accepted(http)
    waiting = asyncio.create_task(http.get(f"/v1/jobs/{job_id}?wait=1s"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    store.start(job_id)
    store.succeed(job_id, RESULT)
    assert (await waiting).json()["state"] == "SUCCEEDED"
    other = await accepted(http)
    assert (await http.get(f"/v1/jobs/{other}?wait=0.05s")).json()["state"] == "QUEUED"


async def test_events_are_whole_jobs_with_their_seq(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """The stream ends after the terminal job; a client that has it already is told to stop."""
    job_id = await accepted(http)
    store.start(job_id)
    store.succeed(job_id, RESULT)
    answer = await http.get(f"/v1/jobs/{job_id}/events")
    lines = [line for line in answer.text.splitlines() if line]
    assert lines[0] == "id: 3"
    assert json.loads(lines[1].removeprefix("data: "))["state"] == "SUCCEEDED"
    again = await http.get(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": "3"})
    assert again.status_code == 204


@pytest.mark.parametrize("last_event_id", ["x", "-1", "1" * 30, "٣"])
async def test_an_id_of_no_event_is_refused(http: httpx.AsyncClient, last_event_id: str) -> None:
    """Before the stream begins, a refusal is a status."""
    job_id = await accepted(http)
    answer = await http.get(f"/v1/jobs/{job_id}/events", headers={b"Last-Event-ID": last_event_id.encode("utf-8")})
    assert (answer.status_code, answer.json()["violations"][0]["field"]) == (400, "Last-Event-ID")


async def test_two_keys_that_differ_are_refused(http: httpx.AsyncClient) -> None:
    """The header and the field are the same thing."""
    answer = await http.post("/v1/jobs", json={"url": URL, "request_id": "a"}, headers={"Idempotency-Key": "b"})
    assert answer.json()["violations"][0]["field"] == "request_id"


async def test_a_file_over_the_limit_is_too_large(http: httpx.AsyncClient) -> None:
    """413, whether the size is declared or not."""
    answer = await http.post("/v1/jobs", files={"file": ("a.pdf", PDF + bytes(10_000))})
    assert (answer.status_code, answer.json()["reason"]) == (413, "CONTENT_TOO_LARGE")


@pytest.mark.parametrize(
    ("files", "data", "field"),
    [
        ({"other": ("a.pdf", PDF)}, {}, "file"),
        ({"file": ("a.pdf", PDF)}, {"request": "{"}, "body"),
        ({"file": ("a.pdf", PDF)}, {"request": '{"url": "https://example.com/"}'}, "source"),
        ({"file": ("a.pdf", b"no pdf")}, {}, "content"),
    ],
)
async def test_a_wrong_form_is_refused_by_name(
    http: httpx.AsyncClient, files: dict[str, tuple[str, bytes]], data: dict[str, str], field: str
) -> None:
    """The part that is wrong is named."""
    answer = await http.post("/v1/jobs", files=files, data=data)
    assert answer.status_code == 400, answer.text
    assert answer.json()["violations"][0]["field"] == field


async def test_a_store_that_is_away_is_503_with_retry_after(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """Broken is told apart from wrong, and from busy."""
    job_id = await accepted(http)
    store.is_available = False
    for answer in (
        await http.post("/v1/jobs", json={"url": URL}),
        await http.get(f"/v1/jobs/{job_id}"),
        await http.get(f"/v1/jobs/{job_id}/events"),
        await http.post(f"/v1/jobs/{job_id}:cancel"),
    ):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await http.get("/readyz")).status_code == 503
    assert (await http.get("/healthz")).status_code == 200


async def test_a_fault_is_500_and_tells_nothing(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """An unforeseen exception becomes INTERNAL with an id."""

    async def broken(_: str) -> None:
        raise RuntimeError("the secret")

    store.find = broken  # type: ignore[method-assign, assignment]  # the fault to be told
    answer = await http.get("/v1/jobs/00000000-0000-4000-8000-000000000000")
    assert (answer.status_code, answer.json()["reason"]) == (500, "INTERNAL")
    assert "secret" not in answer.text


async def test_the_templates_states_are_celerys(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """PENDING, STARTED, FAILURE with an error: the template's words, and only those."""
    task_id = (await http.post("/process", json={"pdf_url": URL})).json()["task_id"]["id"]
    states = [(await http.get(f"/status/{task_id}")).json()["status"]]
    store.start(task_id)
    states.append((await http.get(f"/status/{task_id}")).json()["status"])
    store.fail(task_id, JobFailure(FailureReason.CORRUPT, "It is broken."))
    last = (await http.get(f"/status/{task_id}")).json()
    assert [*states, last["status"]] == ["PENDING", "STARTED", "FAILURE"]
    assert last["error"] == "CORRUPT: It is broken."


async def test_events_and_long_polls_end_in_good_order_at_a_stop(http: httpx.AsyncClient, hub: WatchHub) -> None:
    """A browser's EventSource comes back after the end of a stream, and never again after a status like 503."""
    job_id = await accepted(http)
    hub.stop()
    async with asyncio.timeout(10):
        events = await http.get(f"/v1/jobs/{job_id}/events")
        resumed = await http.get(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": "1"})
        waited = await http.get(f"/v1/jobs/{job_id}?wait=60s")
    assert (events.status_code, events.text.splitlines()[0]) == (200, "id: 1")
    assert (resumed.status_code, resumed.text.strip()) == (200, ": heartbeat")
    assert (waited.status_code, waited.json()["state"]) == (200, "QUEUED")
