"""Lists, replays, deletion and dead letters over HTTP, over a store in memory."""

from typing import Any

import httpx

from gateway.testing import InMemoryJobStore
from tests.unit.gateway.test_rest import PDF, RESULT, URL, accepted, http
from workers.jobs.failure import FailureReason, JobFailure

__all__ = ["http"]

CORRUPT = JobFailure(FailureReason.CORRUPT, "no structure")


async def failed(http: httpx.AsyncClient, store: InMemoryJobStore) -> str:
    """The id of a job that failed."""
    job_id = await accepted(http)
    store.start(job_id)
    store.fail(job_id, CORRUPT)
    return job_id


async def test_jobs_are_listed_page_by_page(http: httpx.AsyncClient) -> None:
    """Newest first, as they are read one by one, with a token until the last page."""
    ids = [await accepted(http) for _ in range(3)]
    first = (await http.get("/v1/jobs", params={"page_size": 2})).json()
    assert [job["id"] for job in first["jobs"]] == [ids[2], ids[1]]
    second = (await http.get("/v1/jobs", params={"page_size": 2, "page_token": first["next_page_token"]})).json()
    assert [job["id"] for job in second["jobs"]] == [ids[0]]
    assert "next_page_token" not in second
    one = (await http.get(f"/v1/jobs/{ids[0]}")).json()
    assert second["jobs"] == [{key: value for key, value in one.items() if key != "queue_position"}]


async def test_a_list_takes_all_filters(http: httpx.AsyncClient) -> None:
    """States and labels may be given more than once."""
    job = (await http.post("/v1/jobs", json={"url": URL, "labels": {"a": "1=2", "b": ""}})).json()
    await accepted(http)

    async def listed(**params: Any) -> list[str]:
        answer = await http.get("/v1/jobs", params=params)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["jobs"]]

    assert await listed(label=["a=1=2", "b="], state=["QUEUED", "FAILED"]) == [job["id"]]
    assert await listed(label="a=1") == []
    assert len(await listed(create_time_from="2020-01-01T00:00:00Z", create_time_before="2100-01-01T00:00:00Z")) == 2
    assert await listed(create_time_before=job["create_time"]) == []


async def test_a_wrong_filter_is_refused_by_name(http: httpx.AsyncClient) -> None:
    """400 and the parameter, as for a wrong field of a body."""
    for name, value in (
        ("state", "LOST"),
        ("label", "a"),
        ("create_time_from", "yesterday"),
        ("create_time_from", "2020-01-01T00:00:00"),
        ("page_size", "201"),
        ("page_size", "-1"),
        ("page_size", "many"),
        ("page_token", "x"),
    ):
        answer = await http.get("/v1/jobs", params={name: value})
        assert answer.status_code == 400, (name, value)
        assert answer.headers["content-type"] == "application/problem+json"
        fields = [violation["field"] for violation in answer.json()["violations"]]
        assert fields in ([name], ["0"]), answer.text


async def test_a_failed_job_tells_its_attempts_and_is_replayed(
    http: httpx.AsyncClient, store: InMemoryJobStore
) -> None:
    """The history stays on the job through its runs."""
    job_id = await failed(http, store)
    (attempt,) = (await http.get(f"/v1/jobs/{job_id}")).json()["attempts"]
    assert (attempt["run"], attempt["attempt"], attempt["state"]) == (1, 1, "FAILED")
    assert attempt["error"]["reason"] == "CORRUPT"
    answer = await http.post(f"/v1/jobs/{job_id}:replay")
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["run"], len(answer.json()["attempts"])) == ("QUEUED", 2, 1)
    store.start(job_id)
    store.succeed(job_id, RESULT)
    refused = await http.post(f"/v1/jobs/{job_id}:replay")
    assert (refused.status_code, refused.json()["reason"]) == (409, "JOB_ALREADY_SUCCEEDED")


async def test_a_job_is_deleted_when_it_has_ended(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """409 before; afterwards it is unknown."""
    job_id = await accepted(http)
    refused = await http.delete(f"/v1/jobs/{job_id}")
    assert (refused.status_code, refused.json()["reason"]) == (409, "JOB_NOT_FINISHED")
    store.start(job_id)
    store.fail(job_id, CORRUPT)
    assert (await http.delete(f"/v1/jobs/{job_id}")).json()["state"] == "FAILED"
    assert (await http.get(f"/v1/jobs/{job_id}")).json()["reason"] == "JOB_NOT_FOUND"


async def test_an_expired_job_says_so(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """404 as for an unknown one, but with a reason of its own."""
    job_id = await failed(http, store)
    store.expire(job_id)
    for answer in (await http.get(f"/v1/jobs/{job_id}"), await http.post(f"/v1/jobs/{job_id}:cancel")):
        assert (answer.status_code, answer.json()["reason"]) == (404, "EXPIRED")


async def test_dead_letters_are_listed_replayed_and_purged(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """What lies there is told, with the job's attempts; a filter says what to do it to."""
    first, second = await failed(http, store), await failed(http, store)
    letters = (await http.get("/v1/dead-letters", params={"queue": "invalid_pdfs"})).json()["dead_letters"]
    assert [letter["job_id"] for letter in letters] == [second, first]
    assert (letters[0]["reason"], letters[0]["run"], letters[0]["attempt"]) == ("CORRUPT", 1, 1)
    assert letters[0]["attempts"] == (await http.get(f"/v1/jobs/{second}")).json()["attempts"]
    assert "raw" not in letters[0]
    assert (await http.get("/v1/dead-letters", params={"queue": "failed_pdfs"})).json() == {"dead_letters": []}
    everything = {"queue": "invalid_pdfs", "time_before": letters[0]["time"]}
    assert (await http.post("/v1/dead-letters:replay", json=everything)).json() == {"replayed_count": 1}
    assert (await http.post("/v1/dead-letters:purge", json={"queue": "invalid_pdfs"})).json() == {"purged_count": 1}
    assert (await http.get("/v1/dead-letters")).json() == {"dead_letters": []}
    for wrong in ({}, {"queue": "x"}, {"queue": "invalid_pdfs", "time_before": "now"}):
        assert (await http.post("/v1/dead-letters:purge", json=wrong)).status_code == 400


async def test_a_result_is_reused_when_that_is_asked_for(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """Same bytes and options: the finished result at once, and the job says whose. Else it is queued."""
    files = {"file": ("a.pdf", PDF)}
    first = (await http.post("/v1/jobs", files=files)).json()
    store.start(first["id"])
    store.succeed(first["id"], RESULT)
    for request, state in (
        ("{}", "QUEUED"),
        ('{"reuse_result": true}', "SUCCEEDED"),
        ('{"reuse_result": true, "options": {"max_summary_paragraphs": 1}}', "QUEUED"),
    ):
        answer = await http.post("/v1/jobs", files=files, data={"request": request})
        assert (answer.status_code, answer.json()["state"]) == (202, state)
        assert answer.json().get("reused_job_id") == (first["id"] if state == "SUCCEEDED" else None)
    refused = await http.post("/v1/jobs", json={"url": URL, "reuse_result": True})
    assert refused.json()["violations"][0]["field"] == "reuse_result"


async def test_a_store_that_fills_up_takes_no_submission_and_is_not_ready(
    http: httpx.AsyncClient, store: InMemoryJobStore
) -> None:
    """429 with a time to come back, which is not 503: nothing is broken. What is there is served."""
    job_id = await accepted(http)
    store.memory_used_ratio = 0.9
    ready = await http.get("/readyz")
    while ready.status_code == 200:
        ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["reason"], ready.json()["store"]) == (503, "STORE_FULL", True)
    answer = await http.post("/v1/jobs", json={"url": URL})
    assert (answer.status_code, answer.json()["reason"]) == (429, "STORE_FULL")
    assert answer.headers["retry-after"] == "10"
    assert (await http.get(f"/v1/jobs/{job_id}")).status_code == 200


async def test_metrics_tell_of_the_store(http: httpx.AsyncClient, store: InMemoryJobStore) -> None:
    """In the text format that monitors read: jobs by state, dead letters by queue."""
    await failed(http, store)
    answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        "pdfgateway_store_up 1.0",
        "pdfgateway_accepting 1.0",
        'pdfgateway_jobs{state="FAILED"} 1.0',
        'pdfgateway_dead_letters{queue="invalid_pdfs"} 1.0',
    ):
        assert line in lines
