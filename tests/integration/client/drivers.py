"""The sync and the async client behind one face, so that one test tells what both promise."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, closing
from pathlib import Path
from typing import Protocol

import grpc

from pdfgateway import AsyncPDFGatewayClient, DeadLetter, Job, JobState, PDFGatewayClient


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

    def jobs(
        self, states: Sequence[JobState] = (), labels: Mapping[str, str] | None = None, page_size: int = 50
    ) -> list[Job]:
        """Return all jobs of a list."""
        ...

    def delete(self, job_id: str) -> None:
        """Delete the job."""
        ...

    def replay(self, job_id: str) -> Job:
        """Replay the job."""
        ...

    def dead_letters(self, queue: str = "", reason: str = "") -> list[DeadLetter]:
        """Return all dead letters of a list."""
        ...

    def replay_dead_letters(self, queue: str, reason: str = "") -> int:
        """Replay dead letters."""
        ...

    def purge_dead_letters(self, queue: str, reason: str = "") -> int:
        """Purge dead letters."""
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

    def jobs(
        self, states: Sequence[JobState] = (), labels: Mapping[str, str] | None = None, page_size: int = 50
    ) -> list[Job]:
        """Return all jobs of a list."""
        return list(self._client.jobs(states=states, labels=labels, page_size=page_size))

    def delete(self, job_id: str) -> None:
        """Delete the job."""
        self._client.delete(job_id)

    def replay(self, job_id: str) -> Job:
        """Replay the job."""
        return self._client.replay(job_id)

    def dead_letters(self, queue: str = "", reason: str = "") -> list[DeadLetter]:
        """Return all dead letters of a list."""
        return list(self._client.dead_letters(queue=queue, reason=reason))

    def replay_dead_letters(self, queue: str, reason: str = "") -> int:
        """Replay dead letters."""
        return self._client.replay_dead_letters(queue, reason=reason)

    def purge_dead_letters(self, queue: str, reason: str = "") -> int:
        """Purge dead letters."""
        return self._client.purge_dead_letters(queue, reason=reason)

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

    def jobs(
        self, states: Sequence[JobState] = (), labels: Mapping[str, str] | None = None, page_size: int = 50
    ) -> list[Job]:
        """Return all jobs of a list."""

        async def jobs() -> list[Job]:
            listed = self._client.jobs(states=states, labels=labels, page_size=page_size)
            return [job async for job in listed]

        return self._runner.run(jobs())

    def delete(self, job_id: str) -> None:
        """Delete the job."""
        self._runner.run(self._client.delete(job_id))

    def replay(self, job_id: str) -> Job:
        """Replay the job."""
        return self._runner.run(self._client.replay(job_id))

    def dead_letters(self, queue: str = "", reason: str = "") -> list[DeadLetter]:
        """Return all dead letters of a list."""

        async def dead_letters() -> list[DeadLetter]:
            return [letter async for letter in self._client.dead_letters(queue=queue, reason=reason)]

        return self._runner.run(dead_letters())

    def replay_dead_letters(self, queue: str, reason: str = "") -> int:
        """Replay dead letters."""
        return self._runner.run(self._client.replay_dead_letters(queue, reason=reason))

    def purge_dead_letters(self, queue: str, reason: str = "") -> int:
        """Purge dead letters."""
        return self._runner.run(self._client.purge_dead_letters(queue, reason=reason))

    def close(self) -> None:
        """Close the client and its loop."""
        self._runner.run(self._client.close())
        self._runner.close()


MakeClient = Callable[..., ClientDriver]
"""Makes a client of one kind: of an address, timeout_seconds, outage_seconds_max and tls."""
