"""What the clients promise of their connections: TLS, room for streams, and a clean end."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pdfgateway import AsyncPDFGatewayClient, JobState, PDFGatewayClient, Unavailable
from pdfgateway.v1.pdf_gateway_service_pb2 import WatchStatusRequest
from tests.contract_messages import job_message
from tests.fake_gateway import FakeGateway
from tests.fake_server import FakeServer
from tests.integration.client.drivers import MakeClient


@pytest.fixture
def certificate() -> tuple[bytes, bytes]:
    """A private key for 127.0.0.1, and the certificate that it has given itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, signed.public_bytes(serialization.Encoding.PEM)


def test_tls_is_spoken_where_it_is_asked_for(
    gateway: FakeGateway, make_client: MakeClient, certificate: tuple[bytes, bytes]
) -> None:
    """With the authority's certificate the gateway is trusted, with the system's authorities it is not."""
    private_key, chain = certificate
    with FakeServer(gateway, grpc.ssl_server_credentials([(private_key, chain)])) as server:
        gateway.put(job_message())
        trusting = make_client(server.address, tls=grpc.ssl_channel_credentials(chain))
        assert trusting.status("job-1").id == "job-1"
        for tls in (True, False):
            with pytest.raises(Unavailable):
                make_client(server.address, timeout_seconds=0.5, tls=tls).status("job-1")


def test_closing_ends_the_calls_of_other_threads(gateway: FakeGateway, server: FakeServer) -> None:
    """A closed sync client leaves no thread hanging in a watch."""
    gateway.put(job_message(state="RUNNING"))
    client = PDFGatewayClient(server.address)
    with ThreadPoolExecutor(1) as thread:
        waited = thread.submit(client.wait, "job-1")
        gateway.wait_for_requests(WatchStatusRequest, 1)
        client.close()
        with pytest.raises(RuntimeError, match="this client is closed"):
            waited.result(timeout=5)


async def test_closing_ends_the_calls_of_other_tasks(gateway: FakeGateway, server: FakeServer) -> None:
    """A closed async client ends watches with an error, not with a cancellation that nobody asked for."""
    gateway.put(job_message(state="RUNNING"))
    client = AsyncPDFGatewayClient(server.address)
    waiting = asyncio.create_task(client.wait("job-1"))
    await asyncio.to_thread(gateway.wait_for_requests, WatchStatusRequest, 1)
    await client.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        await asyncio.wait_for(waiting, 5)


async def test_a_cancelled_task_is_cancelled(gateway: FakeGateway, server: FakeServer) -> None:
    """A cancellation of the user's task stays one, and reaches the gateway."""
    gateway.put(job_message(state="RUNNING"))
    async with AsyncPDFGatewayClient(server.address) as client:
        waiting = asyncio.create_task(client.wait("job-1"))
        await asyncio.to_thread(gateway.wait_for_requests, WatchStatusRequest, 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.to_thread(gateway.wait_until_idle)


async def test_more_watches_than_a_connection_carries(gateway: FakeGateway, server: FakeServer) -> None:
    """A client with more watches than streams fit on a connection opens another one, and its short calls go through."""
    watches = 120
    gateway.put(job_message(state="RUNNING"))
    async with AsyncPDFGatewayClient(server.address, timeout_seconds=5.0) as client, asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(client.wait("job-1")) for _ in range(watches)]
        await asyncio.to_thread(gateway.wait_for_requests, WatchStatusRequest, watches)
        assert (await client.status("job-1")).state is JobState.RUNNING
        gateway.put(job_message(seq=2, state="SUCCEEDED"))
        ended = await asyncio.gather(*waiting)
    assert {job.state for job in ended} == {JobState.SUCCEEDED}
