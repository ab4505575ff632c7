"""Starts all of it on this machine, and stops all of it again: Valkey, Ray, Serve, the ingress and the consumers."""

import signal
import threading
from contextlib import ExitStack
from types import FrameType

from pydantic import ValidationError

from gateway.cluster import Cluster, NotReady
from gateway.embedded_valkey import EmbeddedValkey, ValkeyFailed
from gateway.preflight import find_problems
from gateway.redis_check import check_redis
from gateway.redis_fitness import Severity
from gateway.sample import run_sample
from gateway.settings import Settings

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a stop by a manager of services, and a terminal that is closed: nothing may outlive it unseen."""
WATCH_SECONDS = 1
"""How often the embedded Valkey is looked after."""


class CannotStart(RuntimeError):
    """Something must be put right first: its arguments are the points, each with what to do."""


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, flush=True)  # noqa: T201  (this is what the command is for)


def main(*, sample: bool = False, exit_after_sample: bool = False) -> int:
    """Serve until Ctrl-C or SIGTERM; process the sample PDF first if asked to. Returns the exit code."""
    try:
        settings = Settings.from_environment()
    except ValidationError as error:
        # Without the values: a URL may hold a password.
        for wrong in error.errors(include_input=False, include_url=False, include_context=False):
            say(f"The settings are wrong: {'.'.join(map(str, wrong['loc'])) or 'together'}: {wrong['msg']}")
        return 2
    except ValueError as error:
        say(f"The settings are wrong: {error}")
        return 2
    stop, hurry = threading.Event(), threading.Event()
    with ExitStack() as running:
        try:
            _stop_on_signals(stop)
            settings, valkey = _start(settings, running, hurry)
            _stop_on_signals(stop)
            if sample:
                run_sample(settings, say)
                if exit_after_sample:
                    return 0
            say("Serving; Ctrl-C stops it.")
            while not stop.wait(WATCH_SECONDS):
                if valkey is not None and valkey.pid is None:
                    say("The embedded Valkey has ended; it is started again with its data.")
                    valkey.start()
        except KeyboardInterrupt:
            pass
        except CannotStart as error:
            say("pdfgateway cannot start:")
            for problem in error.args:
                say(f"  - {problem}")
            return 2
        except (ValkeyFailed, NotReady) as error:
            say(str(error))
            return 1
        finally:
            say("Stopping …")
            _hurry_on_signals(hurry)
    return 0


def _start(settings: Settings, running: ExitStack, hurry: threading.Event) -> tuple[Settings, EmbeddedValkey | None]:
    if problems := find_problems(settings):
        raise CannotStart(*problems)
    valkey = None
    if not settings.redis_url:
        valkey = EmbeddedValkey(
            settings.data_dir / "valkey", settings.valkey_port, memory_bytes_max=settings.valkey_memory_bytes_max
        )
        valkey.start()
        running.callback(valkey.stop)
        settings = settings.model_copy(update={"redis_url": valkey.url})
    _check_redis(settings)
    settings = settings.model_copy(update={"data_dir": settings.data_dir.resolve()})
    cluster = Cluster(settings)
    running.callback(cluster.stop, hurry)
    say(f"Starting pdfgateway behind {'HAProxy' if cluster.haproxy else 'Python proxies'} …")
    cluster.start()
    say(f"  gRPC  {settings.host}:{settings.grpc_port}")
    say(f"  HTTP  http://{settings.host}:{settings.http_port}   (its API: /docs)")
    if settings.allow_private_networks:
        say("  PDFs are fetched from loopback and private addresses too: PDFGATEWAY_ALLOW_PRIVATE_NETWORKS is set.")
    return settings, valkey


def _check_redis(settings: Settings) -> None:
    findings = check_redis(settings.redis_url, allow_volatile=settings.allow_volatile_redis)
    for finding in findings:
        if finding.severity is Severity.WARN:
            say(f"Warning: {finding.text}")
    if refusals := [finding.text for finding in findings if finding.severity is Severity.REFUSE]:
        raise CannotStart(*refusals)


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(number: int, _: FrameType | None) -> None:
        if stop.is_set() or number == signal.SIGINT:
            stop.set()
            raise KeyboardInterrupt
        stop.set()

    for number in STOP_SIGNALS:
        signal.signal(number, on_signal)


def _hurry_on_signals(hurry: threading.Event) -> None:
    """From now on a signal means that the stop is to take no longer; it must not break off what ends the processes."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: hurry.set())
