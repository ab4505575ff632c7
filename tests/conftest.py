"""What all tests share: a clean environment, and a Valkey of their own."""

import os
from collections.abc import Iterator

import pytest
from redis import Redis

from gateway.embedded_valkey import EmbeddedValkey
from gateway.preflight import free_port

for name in [name for name in os.environ if name.startswith("PDFGATEWAY_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """One Valkey for all tests that leave it running."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("valkey"), free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: EmbeddedValkey) -> Iterator["Redis[bytes]"]:
    """A client of an empty Valkey."""
    with Redis(port=valkey_server.port) as client:
        client.flushall()
        yield client
