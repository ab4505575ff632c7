"""A fake gateway, and clients of both kinds."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.fake_gateway import FakeGateway
from tests.fake_server import FakeServer
from tests.integration.client.command_line import CommandLine
from tests.integration.client.drivers import AsyncDriver, ClientDriver, MakeClient, SyncDriver


@pytest.fixture
def gateway() -> FakeGateway:
    """A gateway without jobs."""
    return FakeGateway()


@pytest.fixture
def server(gateway: FakeGateway) -> Iterator[FakeServer]:
    """The gateway's server."""
    with FakeServer(gateway) as server:
        yield server


@pytest.fixture(params=[SyncDriver, AsyncDriver], ids=["sync", "async"])
def make_client(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Makes clients of one kind, and closes them."""
    drivers: list[ClientDriver] = []

    def make(
        address: str,
        timeout_seconds: float = 10.0,
        outage_seconds_max: float = 10.0,
        tls: grpc.ChannelCredentials | bool = False,
    ) -> ClientDriver:
        drivers.append(request.param(address, timeout_seconds, outage_seconds_max, tls))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.close()


@pytest.fixture
def client(server: FakeServer, make_client: MakeClient) -> ClientDriver:
    """A client of the gateway."""
    return make_client(server.address)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """Where a client's call waits while the test goes on."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


@pytest.fixture
def run(server: FakeServer) -> CommandLine:
    """The command line, whose gateway is the fake one."""
    return CommandLine(server.address)
