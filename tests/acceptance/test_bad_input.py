"""What is refused, on both protocols alike; and what is accepted and fails, as data on the job."""

import json
from typing import Any

import grpc
import pytest
import requests
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from pdfgateway import JobState, PDFGatewayClient
from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests import pdfs
from tests.acceptance.gateway_process import RunningGateway
from tests.origin import Origin

UNKNOWN = "00000000-0000-4000-8000-000000000000"
GOOD_URL = "https://example.com/a.pdf"

REFUSED: list[tuple[str, pb.SubmitPDFRequest, dict[str, Any], str]] = [
    ("no source", pb.SubmitPDFRequest(), {}, "source"),
    ("empty url", pb.SubmitPDFRequest(url=""), {"url": ""}, "url"),
    ("malformed url", pb.SubmitPDFRequest(url="http//x"), {"url": "http//x"}, "url"),
    ("other scheme", pb.SubmitPDFRequest(url="file:///etc/passwd"), {"url": "file:///etc/passwd"}, "url"),
    (
        "refused address",
        pb.SubmitPDFRequest(url="http://169.254.169.254/"),
        {"url": "http://169.254.169.254/"},
        "url",
    ),
    ("credentials", pb.SubmitPDFRequest(url="http://u:p@x.org/"), {"url": "http://u:p@x.org/"}, "url"),
    (
        "too many paragraphs",
        pb.SubmitPDFRequest(url=GOOD_URL, options=job_pb2.ProcessingOptions(max_summary_paragraphs=101)),
        {"url": GOOD_URL, "options": {"max_summary_paragraphs": 101}},
        "options.max_summary_paragraphs",
    ),
    (
        "negative paragraphs",
        pb.SubmitPDFRequest(url=GOOD_URL, options=job_pb2.ProcessingOptions(max_summary_paragraphs=-1)),
        {"url": GOOD_URL, "options": {"max_summary_paragraphs": -1}},
        "options.max_summary_paragraphs",
    ),
    (
        "deadline in the past",
        pb.SubmitPDFRequest(url=GOOD_URL, deadline=Duration(seconds=-1)),
        {"url": GOOD_URL, "deadline": "-1s"},
        "deadline",
    ),
]


def refusal_details(error: grpc.RpcError) -> tuple[str, list[str]]:
    """The reason and the fields that a gRPC error's details hold."""
    trailers = dict(error.trailing_metadata())  # type: ignore[attr-defined]  # of the call that failed
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    return info.reason, [violation.field for violation in bad.field_violations]


@pytest.mark.parametrize(("request_", "body", "field"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_field_is_refused_by_name_on_both_protocols(
    gateway: RunningGateway, stub: PDFGatewayServiceStub, request_: pb.SubmitPDFRequest, body: Any, field: str
) -> None:
    """INVALID_ARGUMENT and 400, each naming the field."""
    with pytest.raises(grpc.RpcError) as refused:
        stub.SubmitPDF(request_, timeout=10)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal_details(refused.value) == ("INVALID_ARGUMENT", [field])
    answer = requests.post(f"{gateway.http_url}/v1/jobs", json=body, timeout=10)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["reason"] == "INVALID_ARGUMENT"
    assert [violation["field"] for violation in problem["violations"]] == [field]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "reason"),
    [
        (b"{", "application/json", 400, "INVALID_ARGUMENT"),
        (b'{"url": "\xff"}', "application/json", 400, "INVALID_ARGUMENT"),
        (b"[]", "application/json", 400, "INVALID_ARGUMENT"),
        (b"", "application/json", 400, "INVALID_ARGUMENT"),
        (b'{"url": "https://example.com/", "colour": 1}', "application/json", 400, "INVALID_ARGUMENT"),
        (b'{"url": 5}', "application/json", 400, "INVALID_ARGUMENT"),
        (
            b'{"url": "https://example.com/", "filename": "\\ud800"}',
            "application/json",
            400,
            "INVALID_ARGUMENT",
        ),
        (b"url=x", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"%PDF-1.7", "application/pdf", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"x", "", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"x", "multipart/form-data", 400, "INVALID_ARGUMENT"),
        (b" " * (1024 * 1024 + 1), "application/json", 413, "CONTENT_TOO_LARGE"),
    ],
)
def test_a_wrong_body_is_refused(
    gateway: RunningGateway, body: bytes, content_type: str, status: int, reason: str
) -> None:
    """Invalid JSON, wrong type, too large: each with its own status."""
    answer = requests.post(f"{gateway.http_url}/v1/jobs", data=body, headers={"Content-Type": content_type}, timeout=10)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text


def test_a_message_over_the_limit_is_refused(stub: PDFGatewayServiceStub) -> None:
    """4 MiB is the limit of a gRPC message."""
    with pytest.raises(grpc.RpcError) as refused:
        stub.SubmitPDF(pb.SubmitPDFRequest(content=b"%PDF-1.7" + bytes(4 * 1024 * 1024)), timeout=20)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("job_id", [UNKNOWN, "no-such-job", "../../etc", "x" * 500])
def test_an_unknown_job_is_not_found_on_every_call(
    gateway: RunningGateway, stub: PDFGatewayServiceStub, job_id: str
) -> None:
    """Read, long poll, watch and cancel, on both protocols."""
    calls = [
        lambda: stub.GetStatus(pb.GetStatusRequest(job_id=job_id), timeout=10),
        lambda: stub.GetStatus(pb.GetStatusRequest(job_id=job_id, wait=Duration(seconds=5)), timeout=10),
        lambda: list(stub.WatchStatus(pb.WatchStatusRequest(job_id=job_id), timeout=10)),
        lambda: stub.CancelJob(pb.CancelJobRequest(job_id=job_id), timeout=10),
    ]
    for call in calls:
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        assert refusal_details(refused.value)[0] == "JOB_NOT_FOUND"
    if "/" in job_id:
        return
    for method, path in (
        ("GET", f"/v1/jobs/{job_id}"),
        ("GET", f"/v1/jobs/{job_id}?wait=5s"),
        ("GET", f"/v1/jobs/{job_id}/events"),
        ("POST", f"/v1/jobs/{job_id}:cancel"),
        ("GET", f"/status/{job_id}"),
    ):
        answer = requests.request(method, gateway.http_url + path, timeout=10)
        assert (answer.status_code, answer.json()["reason"]) == (404, "JOB_NOT_FOUND"), path


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("DELETE", "/v1/jobs", 405), ("GET", "/v1/jobs/x?wait=soon", 400)],
)
def test_a_wrong_route_is_a_problem_too(gateway: RunningGateway, method: str, path: str, status: int) -> None:
    """Every refusal over HTTP is application/problem+json."""
    answer = requests.request(method, gateway.http_url + path, timeout=10)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_finished_job_cannot_be_cancelled(
    gateway: RunningGateway, client: PDFGatewayClient, stub: PDFGatewayServiceStub
) -> None:
    """FAILED_PRECONDITION and 409."""
    job = client.wait(client.submit(pdfs.prose(1)).id, timeout_seconds=30)
    with pytest.raises(grpc.RpcError) as refused:
        stub.CancelJob(pb.CancelJobRequest(job_id=job.id), timeout=10)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    answer = requests.post(f"{gateway.http_url}/v1/jobs/{job.id}:cancel", timeout=10)
    assert (answer.status_code, answer.json()["reason"]) == (409, "JOB_ALREADY_FINISHED")


FAILURES = [
    ("html page", lambda origin: origin.serve_html("/page.pdf"), "NOT_A_PDF"),
    ("empty file", lambda origin: origin.serve("/empty.pdf", b""), "NOT_A_PDF"),
    ("truncated", lambda origin: origin.serve("/truncated.pdf", pdfs.truncated()), "CORRUPT"),
    ("encrypted", lambda origin: origin.serve("/encrypted.pdf", pdfs.encrypted()), "ENCRYPTED"),
    ("404", lambda origin: origin.serve_status("/gone.pdf", 404), "SOURCE_NOT_FOUND"),
    ("403", lambda origin: origin.serve_status("/denied.pdf", 403), "SOURCE_DENIED"),
    ("redirect loop", lambda origin: origin.redirect("/loop.pdf", "/loop.pdf"), "TOO_MANY_REDIRECTS"),
    (
        "redirect to metadata",
        lambda origin: origin.redirect("/out.pdf", "http://169.254.169.254/"),
        "FORBIDDEN_URL",
    ),
]


@pytest.mark.parametrize(("source", "reason"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_a_source_that_cannot_be_read_fails_at_once(
    client: PDFGatewayClient, origin: Origin, source: Any, reason: str
) -> None:
    """The job fails with its own reason, in its first attempt: a repeat would change nothing."""
    job = client.wait(client.submit(source(origin)).id, timeout_seconds=30)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.reason == reason
    assert not job.error.retryable
    assert job.attempt == 1


def test_an_origin_that_recovers_is_asked_again(client: PDFGatewayClient, origin: Origin) -> None:
    """503 twice, then the file: SUCCEEDED on attempt 3, and the watch shows when the next attempt is due."""
    url = origin.serve_after_statuses("/recovers.pdf", [503, 503], pdfs.prose(2))
    job = client.submit(url)
    seen = list(client.watch(job.id, timeout_seconds=60))
    assert seen[-1].state is JobState.SUCCEEDED
    assert seen[-1].attempt == 3
    retrying = [one for one in seen if one.state is JobState.RETRYING]
    assert retrying
    for one in retrying:
        assert one.next_attempt_time is not None
        assert one.last_error is not None
        assert one.last_error.reason == "SOURCE_UNAVAILABLE"


def test_an_origin_that_stays_down_fails_after_all_attempts(client: PDFGatewayClient, origin: Origin) -> None:
    """Three retries, then the last error is the job's."""
    job = client.wait(client.submit(origin.serve_status("/down.pdf", 503)).id, timeout_seconds=60)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.reason == "SOURCE_UNAVAILABLE"
    assert (job.attempt, job.max_attempts) == (4, 4)


def test_a_deadline_ends_a_job(client: PDFGatewayClient, origin: Origin) -> None:
    """A job that is not done in its own time is ended, whatever it is at."""
    job = client.submit(origin.silent("/late.pdf"), deadline_seconds=1)
    done = client.wait(job.id, timeout_seconds=20)
    assert done.state is JobState.FAILED
    assert done.error is not None
    assert done.error.reason == "DEADLINE_EXCEEDED"


def test_no_secret_of_a_url_is_shown(gateway: RunningGateway, client: PDFGatewayClient, origin: Origin) -> None:
    """A signed URL's signature appears in no job and no event, whatever became of the job."""
    job = client.submit(origin.serve_status("/signed.pdf", 404) + "?sig=canary-secret")
    client.wait(job.id, timeout_seconds=30)
    text = requests.get(f"{gateway.http_url}/v1/jobs/{job.id}", timeout=10).text
    assert json.loads(text)["state"] == "FAILED"
    assert "canary" not in text
