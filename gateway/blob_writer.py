"""The blob store as the service sees it: what it cannot do is a refusal."""

import asyncio

from gateway.errors import Reason, Refusal
from workers.blobs import Blobs, BlobsUnavailable

PUT_SECONDS_MAX = 10
"""How long an upload may take to be kept."""


class StoreBlobs:
    """`BlobWriter` over the workers' blob store."""

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
