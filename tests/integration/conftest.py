"""Real consumers on a real Valkey, without Ray."""

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from gateway.embedded_valkey import EmbeddedValkey
from gateway.preflight import free_port
from gateway.redis_commands import RedisCommands, connect
from gateway.redis_job_store import RedisJobStore
from tests.origin import Origin
from workers.envelope import make_envelope

LEASE_SECONDS = 3
STOP_SECONDS_MAX = 30

StartConsumer = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that the test may stop and freeze."""
    server = EmbeddedValkey(tmp_path / "valkey", free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store(own_valkey: EmbeddedValkey) -> AsyncGenerator[RedisJobStore, None]:
    """The store of jobs on that Valkey."""
    commands = RedisCommands(partial(connect, own_valkey.url, 1.5)(), 1.5)
    yield RedisJobStore(commands, make_envelope(), max_attempts=4, queued_max=100_000)
    await commands.close()


@pytest.fixture
async def shared_store(valkey: "Redis[bytes]") -> AsyncGenerator[RedisJobStore, None]:
    """The store of jobs on the Valkey that all tests share, empty."""
    port = valkey.connection_pool.connection_kwargs["port"]
    commands = RedisCommands(connect(f"redis://127.0.0.1:{port}/0", 1.5), 1.5)
    yield RedisJobStore(commands, make_envelope(), max_attempts=4, queued_max=100_000)
    await commands.close()


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A local origin."""
    with Origin() as origin:
        yield origin


@pytest.fixture
def start_consumer(own_valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[StartConsumer]:
    """Starts consumers; those that live at the end are stopped. See `consumer_process` for what may be different."""
    settings = {
        "redis_url": own_valkey.url,
        "data_dir": str(tmp_path),
        "allow_private_networks": True,
        "lease_seconds": LEASE_SECONDS,
        "lease_renew_seconds": 0.5,
        "stop_seconds_max": 1,
        "worker_concurrency": 2,
    }
    started: list[subprocess.Popen[str]] = []

    def start(*, dies_at: str = "", alone: bool = False) -> "subprocess.Popen[str]":
        arguments = [json.dumps(settings), dies_at, "alone" if alone else ""]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.consumer_process", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "consuming\n"
        return process

    yield start
    for process in started:
        process.terminate()
    for process in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS_MAX)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
