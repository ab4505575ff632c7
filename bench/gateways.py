"""Whole gateways as processes of their own, as `make run` starts them, for as long as a measurement needs them."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from redis import Redis

from gateway.preflight import free_port

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 40
READY_TEXT = "Serving;"
"""What a gateway says when it serves."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of gateway to start."""

    name: str
    module: str = "gateway"
    haproxy: bool = True
    worker_replicas: int = 0


FRONT = Kind("gateway without consumers")
NOOP = Kind("no-op behind the same front", module="bench.noop_gateway")
PYTHON_PROXIES = Kind("gateway without consumers behind Python proxies", haproxy=False)
WHOLE = Kind("whole gateway", worker_replicas=2)


class NotStarted(RuntimeError):
    """A gateway did not start; the message holds what it said."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that serves."""

    process: psutil.Process
    grpc_address: str
    http_url: str
    redis_url: str

    def redis(self) -> Redis:
        """A client of its Redis."""
        return Redis.from_url(self.redis_url)

    def processes(self) -> list[psutil.Process]:
        """All its processes, Redis among them."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """CPU time that it has used so far, ended children's included."""
        seconds = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seconds += times.user + times.system + times.children_user + times.children_system
        return seconds

    def memory_bytes(self, name: str) -> int:
        """Resident memory of its processes with this in their name."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in process.name() or name in " ".join(process.cmdline()[:1]):
                    total += process.memory_info().rss
        return total


class Gateways:
    """The gateways that run now. Those that a measurement does not need are stopped, since they cost CPU too."""

    def __init__(self) -> None:
        self._running: dict[Kind, tuple[Gateway, ExitStack]] = {}

    def need(self, *kinds: Kind) -> list[Gateway]:
        """Exactly these gateways, started if they do not run yet.

        Raises:
            NotStarted: and what the gateway said.
        """
        for kind in [kind for kind in self._running if kind not in kinds]:
            self._running.pop(kind)[1].close()
        for kind in kinds:
            if kind not in self._running:
                stack = ExitStack()
                self._running[kind] = stack.enter_context(_started(kind)), stack
        return [self._running[kind][0] for kind in kinds]

    def close(self) -> None:
        """Stop all of them."""
        self.need()


@contextlib.contextmanager
def _started(kind: Kind) -> Iterator[Gateway]:
    http_port, grpc_port, valkey_port = (_next_port() for _ in range(3))
    settings = {
        "http_port": http_port,
        "grpc_port": grpc_port,
        "valkey_port": valkey_port,
        "haproxy": int(kind.haproxy),
        "worker_replicas": kind.worker_replicas,
        "allow_private_networks": 1,
    }
    with tempfile.TemporaryDirectory(prefix="pdfgateway-bench-") as folder:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PDFGATEWAY_")}
        environment = inherited | {f"PDFGATEWAY_{name.upper()}": str(value) for name, value in settings.items()}
        environment["PDFGATEWAY_DATA_DIR"] = folder
        log = Path(folder, "gateway.log")
        with log.open("wb") as output:
            process = psutil.Popen(
                [sys.executable, "-m", kind.module],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _await_serving(process, log)
            yield Gateway(
                process=process,
                grpc_address=f"127.0.0.1:{grpc_port}",
                http_url=f"http://127.0.0.1:{http_port}",
                redis_url=f"redis://127.0.0.1:{valkey_port}/0",
            )
        finally:
            _stop(process)


_ports_given: set[int] = set()


def _next_port() -> int:
    """A free port that was not given before: it may not be bound yet."""
    while (port := free_port()) in _ports_given:
        pass
    _ports_given.add(port)
    return port


def _await_serving(process: psutil.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while READY_TEXT not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotStarted(f"The gateway did not start. It said:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


def _stop(process: psutil.Popen) -> None:
    family = process.children(recursive=True) if process.is_running() else []
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGTERM)
    psutil.wait_procs([process], timeout=STOP_SECONDS_MAX)
    _kill([process, *family])


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=5)
