"""What becomes of jobs after their end, over both ports: lists, replays, deletion, dead letters, reused results."""

import json
import uuid

import pytest
import requests

from pdfgateway import DeadLetter, JobNotFound, JobState, PDFGatewayClient
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway
from tests.origin import Origin


def letter_of(client: PDFGatewayClient, job_id: str) -> DeadLetter | None:
    """The dead letter of a job."""
    return next((letter for letter in client.dead_letters() if letter.job_id == job_id), None)


def test_a_failed_job_is_replayed_from_the_dead_letters(
    gateway: RunningGateway, client: PDFGatewayClient, origin: Origin
) -> None:
    """It lies there with its reason and attempts; replayed when its origin is well, it succeeds in run 2."""
    job = client.submit(origin.serve_status("/mended.pdf", 404), labels={"test": str(uuid.uuid4())})
    failed = client.wait(job.id, timeout_seconds=30)
    assert failed.state is JobState.FAILED
    letter = letter_of(client, job.id)
    assert letter is not None
    assert (letter.queue, letter.reason, letter.run) == ("invalid_pdfs", "SOURCE_NOT_FOUND", 1)
    assert letter.attempts == failed.attempts
    assert [attempt.error and attempt.error.reason for attempt in failed.attempts] == ["SOURCE_NOT_FOUND"]
    over_http = requests.get(
        f"{gateway.http_url}/v1/dead-letters", params={"reason": "SOURCE_NOT_FOUND"}, timeout=10
    ).json()["dead_letters"]
    assert [one["attempts"][0]["worker"] for one in over_http if one["job_id"] == job.id] == [letter.attempts[0].worker]

    origin.serve("/mended.pdf", pdfs.prose(2))
    assert client.replay(job.id).run == 2
    done = client.wait(job.id, timeout_seconds=30)
    assert (done.state, done.run, done.attempt) == (JobState.SUCCEEDED, 2, 1)
    assert [attempt.state.value for attempt in done.attempts] == ["FAILED", "SUCCEEDED"]
    assert letter_of(client, job.id) is None


def test_all_that_match_are_replayed_over_http(
    gateway: RunningGateway, client: PDFGatewayClient, origin: Origin
) -> None:
    """One call for every job that failed for a reason; each runs once more."""
    urls = [origin.serve_status(f"/all-{number}.pdf", 410) for number in range(3)]
    jobs = [client.submit(url) for url in urls]
    for job in jobs:
        assert client.wait(job.id, timeout_seconds=30).state is JobState.FAILED
    for number in range(3):
        origin.serve(f"/all-{number}.pdf", pdfs.prose(1))
    wanted = {"queue": "invalid_pdfs", "reason": "SOURCE_NOT_FOUND"}
    answer = requests.post(f"{gateway.http_url}/v1/dead-letters:replay", json=wanted, timeout=30)
    assert answer.json()["replayed_count"] >= 3
    ends = [client.wait(job.id, timeout_seconds=30) for job in jobs]
    assert [(end.state, end.run) for end in ends] == [(JobState.SUCCEEDED, 2)] * 3


def test_jobs_are_listed_by_label_and_deleted(gateway: RunningGateway, client: PDFGatewayClient) -> None:
    """Both protocols list the same; a deleted job is known to neither."""
    labels = {"test": str(uuid.uuid4())}
    ids = [client.submit(pdfs.prose(1), labels=labels).id for _ in range(3)]
    for job_id in ids:
        client.wait(job_id, timeout_seconds=30)
    assert [job.id for job in client.jobs(labels=labels, page_size=2)] == ids[::-1]
    label = f"test={labels['test']}"
    over_http = requests.get(f"{gateway.http_url}/v1/jobs", params={"label": label}, timeout=10).json()
    assert [job["id"] for job in over_http["jobs"]] == ids[::-1]
    client.delete(ids[0])
    with pytest.raises(JobNotFound):
        client.status(ids[0])
    assert requests.delete(f"{gateway.http_url}/v1/jobs/{ids[0]}", timeout=10).status_code == 404
    assert requests.delete(f"{gateway.http_url}/v1/jobs/{ids[1]}", timeout=10).json()["id"] == ids[1]
    assert [job.id for job in client.jobs(labels=labels)] == [ids[2]]


def test_the_same_bytes_get_their_result_at_once(gateway: RunningGateway, client: PDFGatewayClient) -> None:
    """Only if that is asked for, and the job says whose result it is."""
    content = pdfs.prose(2, title=str(uuid.uuid4()))
    first = client.wait(client.submit(content).id, timeout_seconds=30)
    again = client.submit(content, reuse_result=True)
    assert (again.state, again.result, again.reused_job_id) == (JobState.SUCCEEDED, first.result, first.id)
    assert client.submit(content).state is JobState.QUEUED
    over_http = requests.post(
        f"{gateway.http_url}/v1/jobs",
        files={"file": ("a.pdf", content)},
        data={"request": json.dumps({"reuse_result": True})},
        timeout=10,
    )
    assert (over_http.status_code, over_http.json()["state"]) == (202, "SUCCEEDED")


def test_metrics_are_served(gateway: RunningGateway) -> None:
    """A monitor reads the figures of the store where it reads health."""
    answer = requests.get(f"{gateway.http_url}/metrics", timeout=10)
    assert answer.status_code == 200
    assert "pdfgateway_store_up 1.0" in answer.text.splitlines()
