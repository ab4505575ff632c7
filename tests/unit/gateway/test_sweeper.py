"""When the sweeper sweeps, and when it leaves leases alone."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import pytest

from gateway import sweeper as sweeper_module
from gateway.errors import store_unavailable
from gateway.sweeper import Sweeper
from workers.record.transition import Swept

LEASE_SECONDS = 0.2


class SweptStore:
    """Notes each sweep, and whether it was to touch leases."""

    def __init__(self) -> None:
        self.sweeps: list[bool] = []
        self.is_available = True
        self.leads = True
        self.asked = 0
        self.unused_blobs: list[str] = []
        self.removed_blobs: list[str] = []

    async def lead(self, key: str, name: str, seconds: float) -> bool:
        assert key
        assert name
        assert seconds > sweeper_module.SWEEP_SECONDS
        self.asked += 1
        if not self.is_available:
            raise store_unavailable()
        return self.leads

    async def sweep(self, *, with_leases: bool) -> Swept:
        self.sweeps.append(with_leases)
        return Swept(retried=0, lapsed=0, overdue=0, lost=0, expired=0, blobs=tuple(self.unused_blobs))

    async def blobs_removed(self, blobs: Sequence[str]) -> None:
        self.removed_blobs += blobs
        self.unused_blobs = []


class BlobsThatFailOnce:
    """Removes uploads, but not the first time."""

    def __init__(self) -> None:
        self.calls: list[Sequence[str]] = []
        self.hangs = False

    async def remove(self, names: Sequence[str]) -> None:
        self.calls.append(names)
        if self.hangs:
            await asyncio.Event().wait()
        if len(self.calls) == 1:
            raise store_unavailable()


@pytest.fixture
def store() -> SweptStore:
    """A store to be swept."""
    return SweptStore()


@pytest.fixture
def blobs() -> BlobsThatFailOnce:
    """A blob store."""
    return BlobsThatFailOnce()


@pytest.fixture(autouse=True)
async def sweeping(
    store: SweptStore, blobs: BlobsThatFailOnce, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[None, None]:
    """A sweeper at work on it, without long pauses."""
    monkeypatch.setattr(sweeper_module, "SWEEP_SECONDS", 0.01)
    running = asyncio.create_task(Sweeper(store, blobs, lease_seconds=LEASE_SECONDS).run())  # type: ignore[arg-type]  # a fake
    yield
    running.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_leases_are_left_alone_for_one_lease_after_the_start(store: SweptStore) -> None:
    """Their holders may have been cut off as the sweeper was."""
    await until(lambda: True in store.sweeps)
    assert store.sweeps[0] is False
    assert store.sweeps.count(False) >= 5


async def test_leases_are_left_alone_again_after_an_outage(store: SweptStore) -> None:
    """Who could not renew is given the time to."""
    await until(lambda: True in store.sweeps)
    store.is_available = False
    asked = store.asked
    await until(lambda: store.asked >= asked + 2)
    store.sweeps.clear()
    store.is_available = True
    await until(lambda: True in store.sweeps)
    assert store.sweeps[0] is False


async def test_who_does_not_lead_does_not_sweep(store: SweptStore) -> None:
    """One of all ingresses sweeps."""
    store.leads = False
    store.sweeps.clear()
    await until(lambda: store.asked >= 20)
    assert store.sweeps == []


async def test_unused_uploads_are_removed_and_then_forgotten(store: SweptStore, blobs: BlobsThatFailOnce) -> None:
    """A removal that fails is not taken note of, so that it is tried again."""
    store.unused_blobs = ["uploads/a"]
    await until(lambda: store.removed_blobs == ["uploads/a"])
    assert blobs.calls == [("uploads/a",), ("uploads/a",)]


async def test_a_blob_store_that_hangs_holds_up_no_sweep(store: SweptStore, blobs: BlobsThatFailOnce) -> None:
    """Leases and retries go on; one removal waits, and no further one is begun."""
    blobs.hangs = True
    store.unused_blobs = ["uploads/a"]
    await until(lambda: len(blobs.calls) == 1)
    sweeps = len(store.sweeps)
    await until(lambda: len(store.sweeps) > sweeps + 10)
    assert len(blobs.calls) == 1
