"""Uploaded bytes, by name: a local folder by default, or any store that obstore knows by URL."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from workers.jobs.failure import FailureReason, JobFailure
from workers.settings import WorkerSettings


class BlobsUnavailable(Exception):
    """The blob store did not take or give the bytes."""


class CopyStopped(Exception):
    """The caller asked the copying to stop, and it did."""


class Blobs:
    """A store of named bytes. Names are content addresses, so writing the same name twice is harmless."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._store = _open(settings.blob_url, settings.data_dir / "blobs")

    async def put(self, name: str, content: bytes) -> None:
        """Keep the bytes; a reader sees all of them or none.

        Raises:
            BlobsUnavailable: they could not be kept.
        """
        try:
            await obstore.put_async(self._store, name, content)
        except (BaseError, OSError) as error:
            raise BlobsUnavailable(f"the blob store took no bytes: {type(error).__name__}") from error

    async def remove(self, names: Sequence[str]) -> None:
        """Remove the bytes of these names; those that are not there are no matter.

        Raises:
            BlobsUnavailable: the store did not do it.
        """
        for name in names:
            try:
                await obstore.delete_async(self._store, name)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise BlobsUnavailable(f"the blob store removed nothing: {type(error).__name__}") from error

    def copy_to(self, name: str, file: BinaryIO, *, stop: Callable[[], bool]) -> int:
        """Write the bytes of a name to a file, and return how many there were; `stop` is asked between chunks.

        Raises:
            CopyStopped: `stop` said so.
            JobFailure: UPLOAD_LOST, where there are none; SOURCE_UNREACHABLE, where the store does not answer.
        """
        size_bytes = 0
        try:
            for chunk in obstore.get(self._store, name).stream():
                if stop():
                    raise CopyStopped
                size_bytes += file.write(memoryview(chunk))
        except FileNotFoundError:
            raise JobFailure(FailureReason.UPLOAD_LOST, "the uploaded bytes are gone; submit them again") from None
        except (BaseError, OSError) as error:
            raise JobFailure(
                FailureReason.SOURCE_UNREACHABLE, f"the blob store does not answer: {type(error).__name__}"
            ) from error
        return size_bytes


def _open(url: str, folder: Path) -> ObjectStore:
    if url:
        return from_url(url, client_options={"timeout": "30s", "connect_timeout": "5s"})
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103  (Path.mkdir gives the mode to the last folder only)
    return LocalStore(folder.resolve())
