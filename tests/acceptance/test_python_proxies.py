"""The smoke set on Serve's Python proxies, which serve where HAProxy's wheel does not exist."""

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import requests

from pdfgateway import JobNotFound, JobState, PDFGatewayClient
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests.acceptance.gateway_process import RunningGateway, running_gateway

SAMPLE = Path("gateway/sample.pdf")
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway behind the Python proxies."""
    with running_gateway(tmp_path_factory.mktemp("proxied"), haproxy="false") as running:
        yield running


@pytest.fixture
def client(proxied: RunningGateway) -> Iterator[PDFGatewayClient]:
    """The Python client of that gateway."""
    with PDFGatewayClient(proxied.grpc_address) as client:
        yield client


def test_a_job_goes_its_whole_way_over_grpc(client: PDFGatewayClient) -> None:
    """Submit, watch, result, with rising seq."""
    jobs = list(client.watch(client.submit(SAMPLE).id, timeout_seconds=60))
    seqs = [job.seq for job in jobs]
    assert seqs == sorted(set(seqs))
    assert jobs[-1].state is JobState.SUCCEEDED
    assert jobs[-1].result is not None
    assert jobs[-1].result.page_count == 40


def test_a_job_goes_its_whole_way_over_http(proxied: RunningGateway) -> None:
    """Upload, server-sent events, long poll."""
    with SAMPLE.open("rb") as file:
        accepted = requests.post(f"{proxied.http_url}/v1/jobs", files={"file": file}, timeout=20)
    url = proxied.http_url + accepted.headers["location"]
    with requests.get(f"{url}/events", stream=True, timeout=60) as events:
        datas = [line for line in events.iter_lines(decode_unicode=True) if line.startswith("data: ")]
    assert json.loads(datas[-1].removeprefix("data: "))["state"] == "SUCCEEDED"
    assert requests.get(f"{url}?wait=30s", timeout=40).json()["state"] == "SUCCEEDED"


def test_refusals_have_their_codes(proxied: RunningGateway, client: PDFGatewayClient) -> None:
    """Unary and streaming, with the details where gRPC lets a proxy pass them on."""
    with grpc.insecure_channel(proxied.grpc_address) as channel:
        stub = PDFGatewayServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.SubmitPDF(pb.SubmitPDFRequest(url="ftp://x"), timeout=10)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.RpcError) as unknown:
            list(stub.WatchStatus(pb.WatchStatusRequest(job_id=UNKNOWN), timeout=10))
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(JobNotFound):
        client.status(UNKNOWN)
    with pytest.raises(JobNotFound):
        list(client.watch(UNKNOWN, timeout_seconds=20))
    assert requests.get(f"{proxied.http_url}/v1/jobs/{UNKNOWN}", timeout=10).status_code == 404
