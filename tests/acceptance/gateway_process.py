"""The whole gateway as a process of its own, as `make run` starts it, on a Valkey that tests can stop and freeze."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from gateway.embedded_valkey import EmbeddedValkey
from gateway.preflight import free_port

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60


@dataclass(frozen=True)
class RunningGateway:
    """A gateway that serves."""

    grpc_address: str
    http_url: str
    valkey: EmbeddedValkey
    process: "subprocess.Popen[str]"

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """The processes of a deployment's replicas."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name().startswith("ray::") and deployment in child.name():
                    found.append(child)
        return found


@contextlib.contextmanager
def running_gateway(folder: Path, **settings: str) -> Iterator[RunningGateway]:
    """Start the gateway with these settings (names without the prefix), and stop it again."""
    valkey = EmbeddedValkey(folder / "valkey", free_port())
    valkey.start()
    http_port, grpc_port = free_port(), free_port()
    environment = {
        **os.environ,
        "PDFGATEWAY_HTTP_PORT": str(http_port),
        "PDFGATEWAY_GRPC_PORT": str(grpc_port),
        "PDFGATEWAY_REDIS_URL": valkey.url,
        "PDFGATEWAY_DATA_DIR": str(folder),
        "PDFGATEWAY_ALLOW_PRIVATE_NETWORKS": "1",
        "PDFGATEWAY_RETRY_SECONDS_MIN": "0.2",
        **{f"PDFGATEWAY_{name.upper()}": value for name, value in settings.items()},
    }
    log = folder / "gateway.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    try:
        _await_serving(process, log)
        yield RunningGateway(f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{http_port}", valkey, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            valkey.stop()


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
