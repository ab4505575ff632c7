"""The seam by which a replica learns that Serve has begun to stop it."""

import asyncio

import pytest


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's, when it is imported
async def test_a_replica_hears_of_its_stop_before_it_waits_for_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve's own stop goes on as long as requests do; the call comes at its beginning."""
    from ray.serve._private.replica import Replica

    from gateway.replica_stop import when_told_to_stop

    monkeypatch.setattr(Replica, "perform_graceful_shutdown", Replica.perform_graceful_shutdown)  # restored at the end
    told = asyncio.Event()
    when_told_to_stop(told.set)
    replica = object.__new__(Replica)
    requests: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    replica._graceful_shutdown_task = asyncio.ensure_future(requests)
    stopping = asyncio.create_task(replica.perform_graceful_shutdown())
    await asyncio.wait_for(told.wait(), 10)
    assert not stopping.done()
    requests.set_result(None)
    await asyncio.wait_for(stopping, 10)
