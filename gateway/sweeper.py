"""What time brings about: retries fall due, leases lapse, deadlines pass, messages get lost, jobs expire."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from typing import Protocol

from gateway.errors import Refusal
from gateway.redis_job_store import RedisJobStore
from workers.record.transition import SWEEP_BATCH_MAX

logger = logging.getLogger("pdfgateway")

LEADER_KEY = "pdfgateway:sweeper"
LEADER_SECONDS = 5
"""A leader that is silent for so long is followed by another."""
SWEEPS_AT_ONCE_MAX = 20
"""Sweeps without a pause, while each finds as much as it may take."""
SWEEP_SECONDS = 1
"""Time between two sweeps."""


class BlobRemover(Protocol):
    """Removes uploads."""

    async def remove(self, names: Sequence[str]) -> None:
        """Remove the bytes of these names; those that are not there are no matter.

        Raises:
            Refusal: STORE_UNAVAILABLE.
        """
        ...


class Sweeper:
    """Sweeps the store while it leads, as one ingress of all does.

    Leases are left alone for one lease's time after the store was away: their holders could not renew them, and may be
    at work still.
    """

    def __init__(self, store: RedisJobStore, blobs: BlobRemover, *, lease_seconds: float) -> None:
        self._store = store
        self._blobs = blobs
        self._lease_seconds = lease_seconds
        self._name = uuid.uuid4().hex
        self._removal: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Sweep for ever."""
        clock = asyncio.get_running_loop().time
        leases_from = clock() + self._lease_seconds
        while True:
            try:
                if await self._store.lead(LEADER_KEY, self._name, LEADER_SECONDS):
                    await self._sweep(with_leases=clock() >= leases_from)
            except Refusal:
                leases_from = clock() + self._lease_seconds
            except Exception:
                logger.exception("A sweep failed; the next one follows")
            await asyncio.sleep(SWEEP_SECONDS)

    async def _sweep(self, *, with_leases: bool) -> None:
        for _ in range(SWEEPS_AT_ONCE_MAX):
            if max(await self._sweep_once(with_leases=with_leases)) < SWEEP_BATCH_MAX:
                return

    async def _sweep_once(self, *, with_leases: bool) -> list[int]:
        swept = await self._store.sweep(with_leases=with_leases)
        if swept.blobs and (self._removal is None or self._removal.done()):
            # Beside the sweeps: a blob store that hangs must not keep jobs waiting.
            self._removal = asyncio.create_task(self._remove(swept.blobs))
        counts = {
            "retried": swept.retried,
            "lapsed": swept.lapsed,
            "overdue": swept.overdue,
            "lost": swept.lost,
            "expired": swept.expired,
            "blobs": len(swept.blobs),
        }
        if moved := {kind: count for kind, count in counts.items() if count}:
            logger.info("Swept %s", moved)
        return list(counts.values())

    async def _remove(self, blobs: Sequence[str]) -> None:
        """Remove uploads; those that could not be removed are named by a later sweep again."""
        try:
            await self._blobs.remove(blobs)
            await self._store.blobs_removed(blobs)
        except Refusal as refusal:
            logger.warning("%s", refusal.message)
        except Exception:
            logger.exception("Uploads could not be removed; a later sweep names them again")
