"""One running gateway for all acceptance tests that leave it running, and an origin to fetch from."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from pdfgateway import PDFGatewayClient
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub
from tests.acceptance.gateway_process import RunningGateway, running_gateway
from tests.origin import Origin


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with the default front."""
    with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """A local origin."""
    with Origin() as origin:
        yield origin


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[PDFGatewayClient]:
    """The Python client."""
    with PDFGatewayClient(gateway.grpc_address) as client:
        yield client


@pytest.fixture
def stub(gateway: RunningGateway) -> Iterator[PDFGatewayServiceStub]:
    """The generated stub, without the client's kindness."""
    with grpc.insecure_channel(gateway.grpc_address) as channel:
        yield PDFGatewayServiceStub(channel)


@pytest.fixture(scope="session")
def corpus_url(origin: Origin) -> str:
    """Where the corpus is served from, where there is one."""
    for path in Path("../shared/corpus").glob("*.pdf"):
        origin.serve(f"/corpus/{path.name}", path.read_bytes())
    return origin.url("/corpus")
