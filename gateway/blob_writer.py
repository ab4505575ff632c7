"""The blob store as the gateway sees it: what it cannot do is a refusal."""

import asyncio
from collections.abc import Sequence

from gateway.errors import Reason, Refusal
from workers.blobs import Blobs, BlobsUnavailable

PUT_SECONDS_MAX = 10
"""How long an upload may take to be kept."""
REMOVE_SECONDS_MAX = 10
"""How long a batch of uploads may take to be removed; what is left over is tried again."""


class StoreBlobs:
    """`BlobWriter` and `BlobRemover` over the workers' blob store."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def put(self, name: str, content: bytes) -> None:
        """See `BlobWriter.put`."""
        try:
            async with asyncio.timeout(PUT_SECONDS_MAX):
                await self._blobs.put(name, content)
        except (BlobsUnavailable, TimeoutError) as error:
            raise Refusal(
                Reason.STORE_UNAVAILABLE, "The upload could not be kept: the blob store does not answer."
            ) from error

    async def remove(self, names: Sequence[str]) -> None:
        """See `BlobRemover.remove`."""
        try:
            async with asyncio.timeout(REMOVE_SECONDS_MAX):
                await self._blobs.remove(names)
        except (BlobsUnavailable, TimeoutError) as error:
            raise Refusal(
                Reason.STORE_UNAVAILABLE, "Uploads could not be removed: the blob store does not answer."
            ) from error
