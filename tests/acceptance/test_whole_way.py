"""A PDF's whole way over both ports: submit, watch, result, cancel, health."""

import json
import time
import uuid
from pathlib import Path

import grpc
import pytest
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from pdfgateway import JobState, PDFGatewayClient
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests.acceptance.gateway_process import RunningGateway
from tests.origin import Origin

SAMPLE = Path("gateway/sample.pdf")
SAMPLE_PAGES = 40


def rest_result(url: str) -> dict[str, object]:
    """The terminal job over HTTP, by long poll."""
    answer = requests.get(f"{url}?wait=30s", timeout=40)
    assert answer.status_code == 200, answer.text
    job: dict[str, object] = answer.json()
    return job


def test_a_url_goes_in_over_grpc_and_its_summary_comes_out(client: PDFGatewayClient, origin: Origin) -> None:
    """The way that the product is for."""
    job = client.submit(origin.serve("/whole-way.pdf", SAMPLE.read_bytes()))
    assert job.state is JobState.QUEUED
    done = client.wait(job.id, timeout_seconds=30)
    assert done.state is JobState.SUCCEEDED
    assert done.result is not None
    assert done.result.page_count == SAMPLE_PAGES
    assert "A document that arrives at a service by night" in done.result.summary
    assert done.result.word_count > 1000


def test_both_protocols_tell_the_same_truth(
    gateway: RunningGateway, stub: PDFGatewayServiceStub, origin: Origin
) -> None:
    """A job submitted over HTTP is the same job over gRPC, field by field."""
    url = origin.serve("/same.pdf", SAMPLE.read_bytes())
    body = {
        "url": url + "?token=secret",
        "options": {"max_summary_paragraphs": 2},
        "labels": {"team": "größe"},
    }
    accepted = requests.post(f"{gateway.http_url}/v1/jobs", json=body, timeout=10)
    assert accepted.status_code == 202
    location = gateway.http_url + accepted.headers["location"]
    rest = rest_result(location)
    rpc = stub.GetStatus(pb.GetStatusRequest(job_id=str(rest["id"])), timeout=10).job
    assert rest["state"] == "SUCCEEDED"
    assert rpc.state == 4
    assert rest["seq"] == rpc.seq
    assert rest["labels"] == dict(rpc.labels) == {"team": "größe"}
    assert rest["source"] == {"url": rpc.source.url}
    assert "secret" not in rpc.source.url
    result = rest["result"]
    assert isinstance(result, dict)
    for name in ("page_count", "word_count", "char_count", "summary", "sha256", "size_bytes", "engine"):
        assert result[name] == getattr(rpc.result, name)


def test_bytes_go_in_by_multipart(gateway: RunningGateway) -> None:
    """curl -F works: the file in, the job out."""
    with SAMPLE.open("rb") as file:
        accepted = requests.post(
            f"{gateway.http_url}/v1/jobs",
            files={"file": ("the sample.pdf", file)},
            data={"request": json.dumps({"options": {"max_summary_paragraphs": 1}})},
            timeout=10,
        )
    assert accepted.status_code == 202, accepted.text
    job = rest_result(gateway.http_url + accepted.headers["location"])
    assert job["state"] == "SUCCEEDED"
    assert job["source"] == {
        "upload": {
            "filename": "the sample.pdf",
            "size_bytes": SAMPLE.stat().st_size,
            "sha256": job["result"]["sha256"],  # type: ignore[index]  # JSON
        }
    }


def test_a_watch_shows_the_pages_and_ends(stub: PDFGatewayServiceStub) -> None:
    """seq rises, pages rise, the terminal state comes last, and the stream ends with OK."""
    job = stub.SubmitPDF(pb.SubmitPDFRequest(content=SAMPLE.read_bytes()), timeout=10).job
    call = stub.WatchStatus(pb.WatchStatusRequest(job_id=job.id), timeout=30)
    jobs = [message.job for message in call if message.HasField("job")]
    assert call.code() is grpc.StatusCode.OK
    seqs = [seen.seq for seen in jobs]
    assert seqs == sorted(set(seqs))
    assert jobs[-1].state == 4
    pages = [seen.progress.pages_done for seen in jobs if seen.HasField("progress")]
    assert pages == sorted(pages)
    assert len(set(pages)) >= 3


def test_server_sent_events_show_the_same_and_resume(gateway: RunningGateway, client: PDFGatewayClient) -> None:
    """Each event is the whole job with its seq as id; who knows the last one is told that it is over."""
    job = client.submit(SAMPLE)
    url = f"{gateway.http_url}/v1/jobs/{job.id}/events"
    with requests.get(url, stream=True, timeout=30) as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in events.iter_lines(decode_unicode=True) if line]
    ids = [int(line.removeprefix("id: ")) for line in lines if line.startswith("id: ")]
    datas = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert ids == sorted(set(ids)) == [data["seq"] for data in datas]
    assert datas[-1]["state"] == "SUCCEEDED"
    again = requests.get(url, headers={"Last-Event-ID": str(ids[-1])}, timeout=10)
    assert again.status_code == 204


def test_a_request_id_makes_a_submission_repeatable(gateway: RunningGateway, client: PDFGatewayClient) -> None:
    """The same key and request give the same job, over either protocol."""
    key = str(uuid.uuid4())
    first = client.submit(SAMPLE, request_id=key, filename="a.pdf")
    second = client.submit(SAMPLE, request_id=key, filename="a.pdf")
    with SAMPLE.open("rb") as file:
        third = requests.post(
            f"{gateway.http_url}/v1/jobs",
            files={"file": ("a.pdf", file)},
            headers={"Idempotency-Key": key},
            timeout=10,
        ).json()
    assert first.id == second.id == third["id"]


def test_a_running_job_is_cancelled_within_two_seconds(client: PDFGatewayClient, origin: Origin) -> None:
    """The worker stops whatever it is at: here, an origin that never sends a byte."""
    job = client.submit(origin.silent("/silent.pdf"))
    for seen in client.watch(job.id, timeout_seconds=20):
        if seen.state is JobState.RUNNING:
            break
    start = time.monotonic()
    assert client.cancel(job.id).state in (JobState.CANCELLING, JobState.CANCELLED)
    assert client.wait(job.id, timeout_seconds=10).state is JobState.CANCELLED
    assert time.monotonic() - start < 2


def test_health_tells_of_the_store_and_the_consumers(gateway: RunningGateway) -> None:
    """grpc.health.v1 (Check and Watch) and /readyz."""
    with grpc.insecure_channel(gateway.grpc_address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "pdfgateway.v1.PDFGatewayService", "pdfgateway.workers"):
            request = health_pb2.HealthCheckRequest(service=service)
            assert health.Check(request, timeout=5).status == health_pb2.HealthCheckResponse.SERVING
        listed = health.List(health_pb2.HealthListRequest(), timeout=5).statuses
        assert {name: one.status for name, one in listed.items()} == dict.fromkeys(
            ("", "pdfgateway.v1.PDFGatewayService", "pdfgateway.workers"), health_pb2.HealthCheckResponse.SERVING
        )
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=5)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
        with pytest.raises(grpc.RpcError) as unknown:
            health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=5)
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
    ready = requests.get(f"{gateway.http_url}/readyz", timeout=5)
    assert ready.json() == {"status": "ready", "store": True, "consumers": 2}
    assert requests.get(f"{gateway.http_url}/healthz", timeout=5).status_code == 200


def test_reflection_names_the_services(gateway: RunningGateway) -> None:
    """grpcurl needs no proto files."""
    with grpc.insecure_channel(gateway.grpc_address) as channel:
        services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    assert {"pdfgateway.v1.PDFGatewayService", "grpc.health.v1.Health"} <= services


def test_the_api_describes_itself(gateway: RunningGateway) -> None:
    """OpenAPI and its page are there, and name every route."""
    document = requests.get(f"{gateway.http_url}/openapi.json", timeout=5).json()
    assert set(document["paths"]) == {
        "/v1/jobs",
        "/v1/jobs/{job_id}",
        "/v1/jobs/{job_id}/events",
        "/v1/jobs/{job_id}:cancel",
        "/v1/jobs/{job_id}:replay",
        "/v1/dead-letters",
        "/v1/dead-letters:replay",
        "/v1/dead-letters:purge",
        "/metrics",
        "/healthz",
        "/readyz",
        "/process",
        "/status/{task_id}",
    }
    assert requests.get(f"{gateway.http_url}/docs", timeout=5).status_code == 200


def test_the_templates_client_works_unchanged(gateway: RunningGateway, origin: Origin) -> None:
    """POST /process, poll /status/{task_id}: what the template's users have in their scripts."""
    url = origin.serve("/template.pdf", SAMPLE.read_bytes())
    response = requests.post(
        f"{gateway.http_url}/process", json={"pdf_url": url, "max_summary_paragraphs": 2}, timeout=10
    )
    assert response.status_code == 200
    accepted = response.json()
    assert accepted["status"] == "PENDING"
    task_id = accepted["task_id"]["id"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = requests.get(f"{gateway.http_url}/status/{task_id}", timeout=10).json()
        assert status["task_id"] == task_id
        if status["status"] in ("SUCCESS", "FAILURE"):
            break
        assert status["status"] in ("PENDING", "STARTED", "RETRY")
        time.sleep(0.05)
    assert status["status"] == "SUCCESS"
    assert status["result"]["status"] == "success"
    assert status["result"]["page_count"] == SAMPLE_PAGES
    assert set(status["result"]) == {
        "status",
        "page_count",
        "word_count",
        "summary",
        "processing_time_seconds",
    }
