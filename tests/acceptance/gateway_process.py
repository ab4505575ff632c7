"""The whole gateway as a process of its own, as `make run` starts it, on a Valkey that tests can stop and freeze."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import psutil

from gateway.embedded_valkey import EmbeddedValkey
from gateway.preflight import free_port

START_SECONDS_MAX = 240
STOP_SECONDS_MAX = 60


@dataclass
class RunningGateway:
    """A gateway that serves."""

    grpc_address: str
    http_url: str
    valkey: EmbeddedValkey
    process: "subprocess.Popen[str]"
    environment: dict[str, str]
    log: Path

    def processes(self) -> list[psutil.Process]:
        """The gateway's process and all that it started, but for Valkey."""
        head = psutil.Process(self.process.pid)
        return [head, *head.children(recursive=True)]

    def start_again(self) -> None:
        """Start the gateway as it was started before, once it has ended."""
        self.process.wait(STOP_SECONDS_MAX)
        self.process = _start(self.environment, self.log)
        _await_serving(self.process, self.log)

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """The processes of a deployment's replicas."""
        found = []
        for child in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name().startswith("ray::") and deployment in child.name():
                    found.append(child)
        return found


@contextlib.contextmanager
def running_gateway(
    folder: Path, more_environment: Mapping[str, str] = MappingProxyType({}), **settings: str
) -> Iterator[RunningGateway]:
    """Start the gateway with these settings (names without the prefix), and stop it again."""
    valkey = EmbeddedValkey(folder / "valkey", free_port())
    valkey.start()
    http_port, grpc_port = free_port(), free_port()
    environment = {
        **os.environ,
        **more_environment,
        "PDFGATEWAY_HTTP_PORT": str(http_port),
        "PDFGATEWAY_GRPC_PORT": str(grpc_port),
        "PDFGATEWAY_REDIS_URL": valkey.url,
        "PDFGATEWAY_DATA_DIR": str(folder),
        "PDFGATEWAY_ALLOW_PRIVATE_NETWORKS": "1",
        "PDFGATEWAY_RETRY_SECONDS_MIN": "0.2",
        **{f"PDFGATEWAY_{name.upper()}": value for name, value in settings.items()},
    }
    log = folder / "gateway.log"
    gateway = RunningGateway(
        grpc_address=f"127.0.0.1:{grpc_port}",
        http_url=f"http://127.0.0.1:{http_port}",
        valkey=valkey,
        process=_start(environment, log),
        environment=environment,
        log=log,
    )
    try:
        _await_serving(gateway.process, log)
        yield gateway
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(gateway.process.pid, signal.SIGTERM)
        try:
            gateway.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(gateway.process.pid, signal.SIGKILL)
            raise
        finally:
            valkey.stop()


def _start(environment: dict[str, str], log: Path) -> "subprocess.Popen[str]":
    with log.open("w") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "gateway"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def _await_serving(process: "subprocess.Popen[str]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        text = log.read_text()
        if "Serving;" in text:
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the gateway did not start:\n{log.read_text()}")
