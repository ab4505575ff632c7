"""Load: so many calls at a time, and the rates of several kinds of calls measured in turn."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from pdfgateway.v1 import pdf_gateway_service_pb2 as pb

CALLS_AT_A_TIME = 50
ROUNDS = 9
SLICE_SECONDS = 0.6
"""Short and in turn, so that what else the machine does meets all kinds alike."""
WARM_UP_SECONDS = 1.0

SUBMIT_URL = "http://files.example.com/reports/annual-report.pdf"
"""Submitted where no consumer runs, so nobody fetches it."""

Call = Callable[[], Awaitable[object]]


def submission() -> pb.SubmitPDFRequest:
    """What is submitted for its own sake."""
    return pb.SubmitPDFRequest(url=SUBMIT_URL)


async def calls_per_second(call: Call, seconds: float) -> float:
    """The rate of a call that CALLS_AT_A_TIME callers make over and over."""
    begin = time.perf_counter()
    end = begin + seconds
    calls = 0

    async def caller() -> None:
        nonlocal calls
        while time.perf_counter() < end:
            await call()
            calls += 1

    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLS_AT_A_TIME):
            callers.create_task(caller())
    return calls / (time.perf_counter() - begin)


async def rates_in_turn(calls: Mapping[str, Call]) -> dict[str, list[float]]:
    """Rates of each call, in calls per second: the n-th of each were measured one right after the other."""
    for call in calls.values():
        await calls_per_second(call, WARM_UP_SECONDS)
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            rates[name].append(await calls_per_second(call, SLICE_SECONDS))
    return rates
