"""What must be right before anything starts: checks that say what to do, made together."""

import os
import random
import socket
import sys

import psutil

from gateway.settings import Settings

MEMORY_BYTES_MIN = 2 * 1024**3
"""Free memory that Ray, the ingress and two consumers want."""
PORT_RANGES = range(20_000, 31_000)
"""Where ranges of ports are taken from. Below 32,768, from where on Linux gives ports to outgoing connections."""
SINGLE_PORTS = range(31_000, 32_700)
"""Where single ports are taken from, so that none lies in a range of another gateway's."""
PYTHON_MIN = (3, 11)


def find_problems(settings: Settings) -> list[str]:
    """All that stands in the way of a start, each with what to do about it."""
    problems = []
    if sys.version_info < PYTHON_MIN:
        found, wanted = (".".join(map(str, one)) for one in (sys.version_info[:2], PYTHON_MIN))
        problems.append(f"Python {found} is too old: use {wanted} or newer.")
    for name, port in (("HTTP", settings.http_port), ("gRPC", settings.grpc_port)):
        if not port_is_free(settings.host, port):
            problems.append(
                f"Port {port} for {name} is taken on {settings.host}. Stop what listens there, or set "
                f"PDFGATEWAY_{name.upper()}_PORT to a free port."
            )
    if not settings.redis_url and not port_is_free("127.0.0.1", settings.valkey_port):
        problems.append(
            f"Port {settings.valkey_port} for the embedded Valkey is taken. Set PDFGATEWAY_VALKEY_PORT to a free "
            "port, or PDFGATEWAY_REDIS_URL to a server of your own."
        )
    available_bytes = psutil.virtual_memory().available
    if available_bytes < MEMORY_BYTES_MIN:
        problems.append(
            f"Only {available_bytes // 2**20} MiB of memory are free; {MEMORY_BYTES_MIN // 2**20} MiB are needed. "
            "Stop other programs, or use a larger machine."
        )
    if (problem := _folder_problem(settings)) is not None:
        problems.append(problem)
    return problems


def port_is_free(host: str, port: int) -> bool:
    """Whether a server can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on now."""
    return _first_free(SINGLE_PORTS, 1)


def free_port_range(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on now."""
    return _first_free(PORT_RANGES, count)


def _first_free(ports: range, count: int) -> int:
    starts = list(range(ports.start, ports.stop - count, count))
    random.shuffle(starts)
    for start in starts:
        if all(port_is_free("0.0.0.0", port) for port in range(start, start + count)):  # noqa: S104  (nothing listens)
            return start
    raise OSError(f"there are no {count} free ports in a row from {ports.start} to {ports.stop}")


def _folder_problem(settings: Settings) -> str | None:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"The data folder {folder} cannot be made ({error.strerror}). Set PDFGATEWAY_DATA_DIR to one that can."
    if not os.access(folder, os.W_OK):
        return f"The data folder {folder} cannot be written to. Set PDFGATEWAY_DATA_DIR to one that can."
    return None
