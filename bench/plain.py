"""The gateway's HTTP side against FastAPI and Celery as a user would write them, over the same Redis."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

import aiohttp
import requests

from bench.figure import Figure, ratio
from bench.gateways import FRONT, START_SECONDS_MAX, Gateways, NotStarted
from bench.load import CALLS_AT_A_TIME, SUBMIT_URL, Call, rates_in_turn
from bench.plain_app import REDIS_VARIABLE
from gateway.preflight import free_port

STOP_SECONDS_MAX = 10


def measure(gateways: Gateways) -> list[Figure]:
    """Rates of POST /process and GET /status, as ratios to the plain application's."""
    (front,) = gateways.need(FRONT)
    with _plain_app(front.redis_url.removesuffix("/0") + "/1") as plain_url:
        return asyncio.run(_measure(front.http_url, plain_url))


@contextlib.contextmanager
def _plain_app(redis_url: str) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "bench.plain_app:app", f"--port={port}", "--log-level=warning"],
        env={**os.environ, REDIS_VARIABLE: redis_url},
        stdin=subprocess.DEVNULL,
    )
    try:
        _await_answer(process, f"{url}/openapi.json")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=5).ok:
                return
        time.sleep(0.1)
    raise NotStarted("The plain application did not start.")


async def _measure(url: str, plain_url: str) -> list[Figure]:
    connector = aiohttp.TCPConnector(limit=CALLS_AT_A_TIME)
    async with aiohttp.ClientSession(connector=connector, raise_for_status=True) as session:
        rates = await rates_in_turn(
            {
                "plain POST /process": _process(session, plain_url),
                "POST /process": _process(session, url),
                "plain GET /status": await _status(session, plain_url),
                "GET /status": await _status(session, url),
            }
        )
    return [
        Figure(
            what=f"{name} / the same with plain FastAPI and Celery, {CALLS_AT_A_TIME} at a time",
            value=ratio(rates[name], rates[f"plain {name}"]),
            detail=f"{median(rates[name]):,.0f}/s : {median(rates[f'plain {name}']):,.0f}/s",
        )
        for name in ("POST /process", "GET /status")
    ]


def _process(session: aiohttp.ClientSession, url: str) -> Call:
    async def call() -> object:
        async with session.post(f"{url}/process", json={"pdf_url": SUBMIT_URL}) as answer:
            return await answer.json()

    return call


async def _status(session: aiohttp.ClientSession, url: str) -> Call:
    async with session.post(f"{url}/process", json={"pdf_url": SUBMIT_URL}) as answer:
        task_id = (await answer.json())["task_id"]["id"]

    async def call() -> object:
        async with session.get(f"{url}/status/{task_id}") as answer:
            return await answer.read()

    return call
