"""Thousands of watchers: on as many different jobs, and on one."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from redis import Redis

from bench.crowd import Crowd, End
from bench.figure import Figure, Goal
from bench.gateways import FRONT, Gateway, Gateways
from bench.load import submission
from pdfgateway.v1 import job_pb2
from pdfgateway.v1 import pdf_gateway_service_pb2 as pb
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub

if TYPE_CHECKING:
    from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceAsyncStub

WATCHERS = 3_000
FEW_WATCHERS = 300
IDLE_SECONDS = 10
CALLS_AT_A_TIME = 50
COMMANDS_GOAL = Goal("<=", 1.5)
SUBMIT_GOAL = Goal("<=", 1_000)
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was measured of one crowd."""

    few_commands_per_second: float
    many_commands_per_second: float
    ends: list[End]
    cancelled_at: float
    """When the last job was asked to end, in seconds since 1970."""
    slowest_submit_seconds: float
    """Of those while the crowd waits and while it is told of the end."""
    ingress_mb: float
    """Memory more than before, as the next one."""
    haproxy_mb: float


def measure(gateways: Gateways) -> list[Figure]:
    """Redis commands while idle, terminal states, submissions meanwhile, and memory."""
    (front,) = gateways.need(FRONT)
    return asyncio.run(_measure(front))


async def _measure(gateway: Gateway) -> list[Figure]:
    async with grpc.aio.insecure_channel(gateway.grpc_address) as channel:
        stub: PDFGatewayServiceAsyncStub = PDFGatewayServiceStub(channel)
        commands_per_second = await _idle_commands_per_second(gateway)
        different = await _submit(stub, WATCHERS)
        figures = _figures("different jobs", await _crowd(gateway, stub, different), commands_per_second)
        same = await _submit(stub, 1) * WATCHERS
        return figures + _figures("one job", await _crowd(gateway, stub, same), commands_per_second)


async def _crowd(gateway: Gateway, stub: "PDFGatewayServiceAsyncStub", job_ids: Sequence[str]) -> _Seen:
    ingress_bytes, haproxy_bytes = gateway.memory_bytes("Ingress"), gateway.memory_bytes("haproxy")
    async with Crowd(gateway.grpc_address) as crowd:
        await crowd.watch(job_ids[:FEW_WATCHERS])
        few = await _idle_commands_per_second(gateway)
        await crowd.watch(job_ids[FEW_WATCHERS:])
        many = await _idle_commands_per_second(gateway)
        ingress_bytes = gateway.memory_bytes("Ingress") - ingress_bytes
        haproxy_bytes = gateway.memory_bytes("haproxy") - haproxy_bytes
        async with _submits(gateway) as submits:
            await _cancel(stub, set(job_ids))
            cancelled_at = time.time()
            ends = await crowd.ends()
        return _Seen(
            few_commands_per_second=few,
            many_commands_per_second=many,
            ends=ends,
            cancelled_at=cancelled_at,
            slowest_submit_seconds=submits.slowest_seconds,
            ingress_mb=ingress_bytes / 1e6,
            haproxy_mb=haproxy_bytes / 1e6,
        )


def _figures(where: str, seen: _Seen, idle_commands_per_second: float) -> list[Figure]:
    told = [end for end in seen.ends if (end.state, end.code) == (job_pb2.JOB_STATE_CANCELLED, grpc.StatusCode.OK)]
    commands = (idle_commands_per_second, seen.few_commands_per_second, seen.many_commands_per_second)
    return [
        Figure(
            f"watchers of {where} that got the terminal state", len(told), "", Goal(">=", WATCHERS), f"of {WATCHERS:,}"
        ),
        Figure(
            f"Redis commands while idle, {WATCHERS:,} watchers of {where} / none",
            seen.many_commands_per_second / idle_commands_per_second,
            goal=COMMANDS_GOAL,
            detail=f"with none, {FEW_WATCHERS}, {WATCHERS:,}: " + ", ".join(f"{one:.1f}/s" for one in commands),
        ),
        Figure(f"slowest submit beside watchers of {where}", 1000 * seen.slowest_submit_seconds, "ms", SUBMIT_GOAL),
        Figure(
            f"last cancel to the last watcher's news, {where}",
            1000 * (max(end.time for end in seen.ends) - seen.cancelled_at),
            "ms",
        ),
        Figure(f"memory for watchers of {where}, ingress", seen.ingress_mb, "MB", detail="more than before"),
        Figure(f"memory for watchers of {where}, HAProxy", seen.haproxy_mb, "MB", detail="more than before"),
    ]


async def _idle_commands_per_second(gateway: Gateway) -> float:
    """Commands that Redis has run within IDLE_SECONDS, those of scripts among them, our own question left out."""
    with gateway.redis() as redis:
        before = _commands(redis)
        await asyncio.sleep(IDLE_SECONDS)
        return (_commands(redis) - before - 1) / IDLE_SECONDS


def _commands(redis: Redis) -> int:
    return int(redis.info("stats")["total_commands_processed"])


async def _submit(stub: "PDFGatewayServiceAsyncStub", jobs: int) -> list[str]:
    at_a_time = asyncio.Semaphore(CALLS_AT_A_TIME)

    async def submit() -> str:
        async with at_a_time:
            return (await stub.SubmitPDF(submission())).job.id

    return await asyncio.gather(*(submit() for _ in range(jobs)))


async def _cancel(stub: "PDFGatewayServiceAsyncStub", job_ids: set[str]) -> None:
    at_a_time = asyncio.Semaphore(CALLS_AT_A_TIME)

    async def cancel(job_id: str) -> None:
        async with at_a_time:
            await stub.CancelJob(pb.CancelJobRequest(job_id=job_id))

    await asyncio.gather(*map(cancel, job_ids))


@dataclass(slots=True)
class _Submits:
    slowest_seconds: float = 0.0


@contextlib.asynccontextmanager
async def _submits(gateway: Gateway) -> AsyncGenerator[_Submits, None]:
    """Submissions by another process, one after another, within the block."""
    submits = _Submits()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.submits",
        gateway.grpc_address,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is not None:
            await process.stdout.readline()
        yield submits
        submits.slowest_seconds = float((await process.communicate(b""))[0])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
