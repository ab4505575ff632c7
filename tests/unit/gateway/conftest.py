"""A service over a store in memory, for the translators' tests."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from gateway.service import GatewayService
from gateway.settings import Settings
from gateway.testing import InMemoryJobStore
from gateway.watch_hub import WatchHub


class InMemoryBlobs:
    """`BlobWriter` in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, name: str, content: bytes) -> None:
        self.kept[name] = content


@pytest.fixture
def settings() -> Settings:
    """Settings with small limits."""
    return Settings(pdf_bytes_max=10_000, watches_max=5, heartbeat_seconds=0.05)


@pytest.fixture
def store() -> InMemoryJobStore:
    """A store of jobs."""
    return InMemoryJobStore()


@pytest.fixture
def blobs() -> InMemoryBlobs:
    """A store of uploads."""
    return InMemoryBlobs()


@pytest.fixture
async def hub(settings: Settings, store: InMemoryJobStore) -> AsyncGenerator[WatchHub, None]:
    """A running hub over the store."""
    hub = WatchHub(store, store, watches_max=settings.watches_max, poll_seconds=0.05)
    running = asyncio.create_task(hub.run())
    yield hub
    running.cancel()


@pytest.fixture
def service(settings: Settings, store: InMemoryJobStore, hub: WatchHub, blobs: InMemoryBlobs) -> GatewayService:
    """The service over them."""
    return GatewayService(settings, store, hub, blobs)
