"""Ray Serve's replicas at their stop: told in our own order, and aware of it at once. Serve offers neither in public.

Seams of Serve 2.60: the names of its actors, and `perform_graceful_shutdown`, which its controller calls to stop a
replica. A replica that is told again awaits the first stop, so it does no harm if the controller was first.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import ray
from ray.serve._private.common import DeploymentID, ReplicaID
from ray.serve._private.constants import SERVE_CONTROLLER_NAME, SERVE_NAMESPACE
from ray.serve._private.replica import Replica

POLL_SECONDS = 0.2
"""How soon a stop that is to hurry hears of it."""


def when_told_to_stop(call: Callable[[], None]) -> None:
    """Let the replica of this process call this, on the caller's event loop, as soon as Serve begins to stop it.

    Serve's own notice, the destructor, comes when the last request has ended: too late for requests that would go on.
    """
    loop = asyncio.get_event_loop()
    original = Replica.perform_graceful_shutdown

    async def perform_graceful_shutdown(self: Replica) -> None:
        loop.call_soon_threadsafe(call)
        await original(self)

    Replica.perform_graceful_shutdown = perform_graceful_shutdown  # type: ignore[method-assign]  # (the seam)


def end_controller() -> None:
    """End Serve's controller for good: it replaces no replica any more, and tells the front of no change.

    Raises:
        ValueError: there is none.
    """
    ray.kill(ray.get_actor(SERVE_CONTROLLER_NAME, namespace=SERVE_NAMESPACE), no_restart=True)


def stop_replicas(app: str, deployment: str, *, seconds_max: float, hurry: threading.Event) -> None:
    """Stop a deployment's replicas as Serve does, each ending what it is at, and wait for them.

    Those that take longer, or are still at it when `hurry` is set, are left to themselves.
    """
    prefix = ReplicaID("", DeploymentID(deployment, app)).to_full_id_str()
    actors: Any = ray.util.list_named_actors(all_namespaces=True)  # Ray types it for one namespace
    replicas: list[Any] = [
        ray.get_actor(actor["name"], namespace=actor["namespace"])
        for actor in actors
        if actor["name"].startswith(prefix)
    ]
    stops = [replica.perform_graceful_shutdown.remote() for replica in replicas]
    deadline = time.monotonic() + seconds_max
    while stops and time.monotonic() < deadline and not hurry.is_set():
        _, stops = ray.wait(stops, num_returns=len(stops), timeout=POLL_SECONDS)
