"""The sync and the async client behind one face, so that one test tells what both promise."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, closing
from pathlib import Path
from typing import Protocol

import grpc

from pdfgateway import AsyncPDFGatewayClient, Job, PDFGatewayClient


class ClientDriver(Protocol):
    """A client whose calls block; for one thread at a time."""

    def submit(self, source: str | Path | bytes, labels: Mapping[str, str] | None = None) -> Job:
        """Submit a PDF."""
        ...

    def status(self, job_id: str, wait_seconds: float = 0.0) -> Job:
        """Return the job."""
        ...

    def cancel(self, job_id: str) -> Job:
        """Cancel the job."""
        ...

    def watch(self, job_id: str, after_seq: int = 0, timeout_seconds: float | None = None) -> list[Job]:
        """Return all jobs of a watch."""
        ...

    def first(self, job_id: str) -> Job:
        """Return the first job of a watch, and leave it."""
        ...

    def wait(self, job_id: str, timeout_seconds: float | None = None) -> Job:
        """Return the ended job."""
        ...

    def close(self) -> None:
        """Close the client."""
        ...


class SyncDriver:
    """The sync client."""

    def __init__(
        self, address: str, timeout_seconds: float, outage_seconds_max: float, tls: grpc.ChannelCredentials | bool
    ) -> None:
        self._client = PDFGatewayClient(
            address, timeout_seconds=timeout_seconds, outage_seconds_max=outage_seconds_max, tls=tls
        )

    def submit(self, source: str | Path | bytes, labels: Mapping[str, str] | None = None) -> Job:
        """Submit a PDF."""
        return self._client.submit(source, labels=labels)

    def status(self, job_id: str, wait_seconds: float = 0.0) -> Job:
        """Return the job."""
        return self._client.status(job_id, wait_seconds=wait_seconds)

    def cancel(self, job_id: str) -> Job:
        """Cancel the job."""
        return self._client.cancel(job_id)

    def watch(self, job_id: str, after_seq: int = 0, timeout_seconds: float | None = None) -> list[Job]:
        """Return all jobs of a watch."""
        return list(self._client.watch(job_id, after_seq=after_seq, timeout_seconds=timeout_seconds))

    def first(self, job_id: str) -> Job:
        """Return the first job of a watch, and leave it."""
        with closing(self._client.watch(job_id)) as jobs:
            return next(jobs)

    def wait(self, job_id: str, timeout_seconds: float | None = None) -> Job:
        """Return the ended job."""
        return self._client.wait(job_id, timeout_seconds)

    def close(self) -> None:
        """Close the client."""
        self._client.close()


class AsyncDriver:
    """The async client, on a loop of its own."""

    def __init__(
        self, address: str, timeout_seconds: float, outage_seconds_max: float, tls: grpc.ChannelCredentials | bool
    ) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncPDFGatewayClient(
            address, timeout_seconds=timeout_seconds, outage_seconds_max=outage_seconds_max, tls=tls
        )

    def submit(self, source: str | Path | bytes, labels: Mapping[str, str] | None = None) -> Job:
        """Submit a PDF."""
        return self._runner.run(self._client.submit(source, labels=labels))

    def status(self, job_id: str, wait_seconds: float = 0.0) -> Job:
        """Return the job."""
        return self._runner.run(self._client.status(job_id, wait_seconds=wait_seconds))

    def cancel(self, job_id: str) -> Job:
        """Cancel the job."""
        return self._runner.run(self._client.cancel(job_id))

    def watch(self, job_id: str, after_seq: int = 0, timeout_seconds: float | None = None) -> list[Job]:
        """Return all jobs of a watch."""

        async def watch() -> list[Job]:
            jobs = self._client.watch(job_id, after_seq=after_seq, timeout_seconds=timeout_seconds)
            return [job async for job in jobs]

        return self._runner.run(watch())

    def first(self, job_id: str) -> Job:
        """Return the first job of a watch, and leave it."""

        async def first() -> Job:
            async with aclosing(self._client.watch(job_id)) as jobs:
                return await anext(jobs)

        return self._runner.run(first())

    def wait(self, job_id: str, timeout_seconds: float | None = None) -> Job:
        """Return the ended job."""
        return self._runner.run(self._client.wait(job_id, timeout_seconds))

    def close(self) -> None:
        """Close the client and its loop."""
        self._runner.run(self._client.close())
        self._runner.close()


MakeClient = Callable[..., ClientDriver]
"""Makes a client of one kind: of an address, timeout_seconds, outage_seconds_max and tls."""
