"""The blob store as the service sees it: what it cannot do is a refusal."""

from gateway.errors import Reason, Refusal
from workers.blobs import Blobs, BlobsUnavailable


class StoreBlobs:
    """`BlobWriter` over the workers' blob store."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def put(self, name: str, content: bytes) -> None:
        """See `BlobWriter.put`."""
        try:
            await self._blobs.put(name, content)
        except BlobsUnavailable as error:
            raise Refusal(Reason.STORE_UNAVAILABLE, f"The upload could not be kept: {error}.") from error
