"""The sandbox on real processes: its limits, and how it outlives whatever happens to them."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from tests import pdfs
from workers.extract.events import Event, Finished, Opened, PageRead
from workers.jobs.failure import FailureReason, JobFailure
from workers.sandbox.request import ReadRequest
from workers.sandbox.sandbox import Sandbox, SandboxStopped
from workers.sandbox.zygote_process import ZygoteProcess
from workers.settings import MIB, WorkerSettings

SECONDS_MAX = 10.0
"""For what takes milliseconds on an idle machine."""

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="macOS has neither prctl nor /proc")


@contextmanager
def sandbox_with(settings: WorkerSettings | None = None) -> Iterator[Sandbox]:
    """A sandbox of one's own."""
    with closing(Sandbox(settings or WorkerSettings())) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with default limits."""
    with sandbox_with() as shared:
        yield shared


@contextmanager
def file_of(content: bytes) -> Iterator[BinaryIO]:
    """An open file with this content, as a download leaves it: written, and at its end."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        yield file


def never() -> bool:
    """Do not stop."""
    return False


def read(sandbox: Sandbox, pdf: bytes, stop: Callable[[], bool] = never) -> list[Event]:
    """All that reading this PDF tells."""
    with file_of(pdf) as document:
        return list(sandbox.read(document, stop=stop))


def failure_of(sandbox: Sandbox, pdf: bytes) -> JobFailure:
    """How reading this PDF fails."""
    with pytest.raises(JobFailure) as failed:
        read(sandbox, pdf)
    return failed.value


def zygotes() -> list[psutil.Process]:
    """The zygotes of this process that live."""
    children = [child for child in psutil.Process().children() if not is_gone(child)]
    return [child for child in children if "workers.sandbox.zygote" in child.cmdline()]


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended, even if nobody has buried it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def only_child() -> psutil.Process:
    """The one process that reads a document now."""
    (child,) = [child for zygote in zygotes() for child in zygote.children()]
    return child


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fail when it takes too long."""
    deadline = time.monotonic() + SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def test_a_document_is_read_page_by_page(sandbox: Sandbox) -> None:
    """Its events come in order, and the text is that of its pages."""
    opened, *pages, finished = read(sandbox, pdfs.prose(3))
    assert isinstance(opened, Opened)
    assert opened.page_count == 3
    assert opened.metadata["title"] == "A plain report"
    texts = [page.text for page in pages if isinstance(page, PageRead)]
    assert [text.split("\n")[0] for text in texts] == [f"This is page {number} of 3." for number in (1, 2, 3)]
    assert finished == Finished(0)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (pdfs.encrypted, FailureReason.ENCRYPTED),
        (pdfs.encrypted_by_certificate, FailureReason.ENCRYPTED),
        (pdfs.truncated, FailureReason.CORRUPT),
        (pdfs.html, FailureReason.CORRUPT),
        (pdfs.decompression_bomb, FailureReason.MEMORY_LIMIT),
        (lambda: pdfs.many_pages(5_001), FailureReason.TOO_MANY_PAGES),
        (lambda: pdfs.many_pages(100_000), FailureReason.TOO_MANY_PAGES),
    ],
)
def test_a_failure_arrives_with_its_reason(sandbox: Sandbox, make: Callable[[], bytes], reason: FailureReason) -> None:
    """What an engine says of a document is what the caller hears."""
    assert failure_of(sandbox, make()).reason is reason


def test_pages_are_told_before_the_document_is_read(sandbox: Sandbox) -> None:
    """A page is told when it is read; an engine that is faster than its reader waits, and nothing piles up here."""
    with file_of(pdfs.prose(400)) as document, closing(sandbox.read(document, stop=never)) as events:
        assert isinstance(next(events), Opened)
        assert isinstance(next(events), PageRead)
        child = only_child()
        wait_until(lambda: child.status() == psutil.STATUS_SLEEPING)
        child.kill()
        told_ahead: list[Event] = []
        with pytest.raises(JobFailure, match="SIGKILL"):
            told_ahead.extend(iter(events))
    assert len(told_ahead) < 200


def test_stop_kills_the_process_within_a_second(sandbox: Sandbox) -> None:
    """Whatever an engine is busy with, being asked to stop ends it."""
    stopped_at = 0.0

    def stop() -> bool:
        nonlocal stopped_at
        stopped_at = stopped_at or (time.monotonic() if any(zygote.children() for zygote in zygotes()) else 0.0)
        return bool(stopped_at)

    with pytest.raises(SandboxStopped):
        read(sandbox, pdfs.cpu_burner(), stop)
    assert time.monotonic() - stopped_at < 1
    assert not zygotes()[0].children()


def test_closing_the_iterator_kills_the_process(sandbox: Sandbox) -> None:
    """A caller that has seen enough leaves nothing running."""
    with file_of(pdfs.prose(400)) as document:
        events = sandbox.read(document, stop=never)
        next(events)
        child = only_child()
        events.close()
    assert not child.is_running()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (WorkerSettings(page_seconds_max=1), "one page of it, takes longer than 1 s"),
        (WorkerSettings(job_seconds_max=1), "reading the PDF takes longer than 1 s"),
    ],
)
def test_a_document_that_takes_too_long_is_ended(settings: WorkerSettings, words: str) -> None:
    """10 kB that cost more than 10 s of processor time: TIME_LIMIT, for a page and for the whole."""
    with sandbox_with(settings) as sandbox:
        failure = failure_of(sandbox, pdfs.cpu_burner())
        assert failure.reason is FailureReason.TIME_LIMIT
        assert words in failure.message
        assert read(sandbox, pdfs.prose(1))[-1] == Finished(0)


def test_time_that_the_caller_takes_does_not_count() -> None:
    """A caller that waits for its own store between two pages does not make the document slow."""
    settings = WorkerSettings(page_seconds_max=0.5, job_seconds_max=2)
    with sandbox_with(settings) as sandbox, file_of(pdfs.prose(3)) as document:
        pauses = iter([0.7, 0.7, 0.7])
        for _ in sandbox.read(document, stop=never):
            time.sleep(next(pauses, 0))


def test_processor_time_is_limited_by_the_kernel_too() -> None:
    """If nobody watches the clock, the process ends by itself, and its exit code says why."""
    zygote = ZygoteProcess()
    with closing(zygote), file_of(pdfs.cpu_burner()) as document:
        document.seek(0)
        request = ReadRequest(pages_max=1, cpu_seconds_max=1, memory_bytes_max=1024 * MIB)
        process = zygote.fork(document.fileno(), request)
        while process.read(SECONDS_MAX):
            pass
        assert process.wait() == -signal.SIGXCPU
        process.end()


def test_memory_is_limited() -> None:
    """A page that takes 270 MB to read is MEMORY_LIMIT where less is allowed, and the next document is read."""
    with sandbox_with(WorkerSettings(sandbox_memory_bytes_max=128 * MIB)) as sandbox:
        assert failure_of(sandbox, pdfs.cpu_burner()).reason is FailureReason.MEMORY_LIMIT
        assert read(sandbox, pdfs.prose(1))[-1] == Finished(0)


def test_text_is_limited() -> None:
    """A document that gives more text than allowed is OUTPUT_LIMIT, however many pages it has."""
    with sandbox_with(WorkerSettings(text_bytes_max=10_000)) as sandbox:
        assert failure_of(sandbox, pdfs.prose(10)).reason is FailureReason.OUTPUT_LIMIT
        assert failure_of(sandbox, pdfs.wordy(1)).reason is FailureReason.OUTPUT_LIMIT


def test_a_killed_process_is_a_crash_and_the_next_document_is_read(sandbox: Sandbox) -> None:
    """Whoever kills a reading process harms its document only."""
    with file_of(pdfs.cpu_burner()) as document, closing(sandbox.read(document, stop=never)) as events:
        next(events)
        only_child().send_signal(signal.SIGSEGV)
        with pytest.raises(JobFailure, match="SIGSEGV") as failed:
            next(events)
    assert failed.value.reason is FailureReason.PARSER_CRASHED
    assert failed.value.retryable
    assert read(sandbox, pdfs.prose(1))[-1] == Finished(0)


def test_a_killed_zygote_is_replaced() -> None:
    """Between two documents nobody notices."""
    with sandbox_with() as sandbox:
        assert read(sandbox, pdfs.prose(1))[-1] == Finished(0)
        (first,) = zygotes()
        first.kill()
        wait_until(lambda: is_gone(first))
        assert read(sandbox, pdfs.prose(1))[-1] == Finished(0)
        assert zygotes() != [first]


@on_linux
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_a_zygote_takes_its_processes_with_it(kill: signal.Signals) -> None:
    """A document that is being read is a crash, its process ends, and the next document is read."""
    with sandbox_with() as sandbox:
        with file_of(pdfs.cpu_burner()) as document, closing(sandbox.read(document, stop=never)) as events:
            next(events)
            child = only_child()
            zygotes()[0].send_signal(kill)
            with pytest.raises(JobFailure) as failed:
                next(events)
        assert failed.value.reason is FailureReason.PARSER_CRASHED
        wait_until(lambda: is_gone(child))
        assert read(sandbox, pdfs.prose(1))[-1] == Finished(0)


@on_linux
def test_a_frozen_zygote_is_replaced() -> None:
    """A zygote that does not do what it must is killed, with all that it has forked."""
    with sandbox_with() as sandbox:
        with file_of(pdfs.cpu_burner()) as document:
            events = sandbox.read(document, stop=never)
            next(events)
            child = only_child()
            zygotes()[0].suspend()
            events.close()
        wait_until(lambda: is_gone(child))
        assert read(sandbox, pdfs.prose(1))[-1] == Finished(0)


def test_closing_ends_everything() -> None:
    """A document that is being read is stopped, no process is left, and no document is read any more."""
    with sandbox_with() as sandbox, file_of(pdfs.cpu_burner()) as document:
        events = sandbox.read(document, stop=never)
        next(events)
        processes = [*zygotes(), only_child()]
        sandbox.close()
        with pytest.raises(SandboxStopped):
            next(events)
        assert not any(process.is_running() for process in processes)
        with pytest.raises(SandboxStopped):
            read(sandbox, pdfs.prose(1))


def test_nothing_is_left_over_after_many_documents(sandbox: Sandbox) -> None:
    """Two hundred documents, good, bad, stopped and abandoned, leave no descriptor, no process and no zombie."""
    read(sandbox, pdfs.prose(1))
    here, (zygote,) = psutil.Process(), zygotes()
    assert zygote.num_threads() == 1
    descriptors = here.num_fds(), zygote.num_fds()
    for _ in range(50):
        read(sandbox, pdfs.prose(1))
        failure_of(sandbox, pdfs.truncated())
        with pytest.raises(SandboxStopped):
            read(sandbox, pdfs.prose(1), stop=lambda: True)
        with file_of(pdfs.prose(3)) as document:
            events = sandbox.read(document, stop=never)
            next(events)
            events.close()
    wait_until(lambda: zygote.num_fds() == descriptors[1])
    assert here.num_fds() == descriptors[0]
    assert zygotes() == [zygote]
    assert not zygote.children()


def test_threads_read_at_once(sandbox: Sandbox) -> None:
    """Four threads, one sandbox: each gets the text of its own documents."""

    def pages_of(pages: int) -> list[str]:
        events = read(sandbox, pdfs.prose(pages))
        return [event.text.split("\n")[0] for event in events if isinstance(event, PageRead)]

    counts = [3, 5, 7, 9] * 5
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(pages_of, counts))
    assert found == [[f"This is page {page} of {pages}." for page in range(1, pages + 1)] for pages in counts]


def test_the_callers_file_is_left_alone(sandbox: Sandbox) -> None:
    """A file is read from its start, wherever it stands, with what is still in its buffer, and may be read again."""
    with file_of(pdfs.prose(1)) as document:
        document.write(b"\n")
        position = document.tell()
        for _ in range(2):
            assert list(sandbox.read(document, stop=never))[-1] == Finished(0)
        if sys.platform == "linux":
            assert document.tell() == position


@on_linux
def test_a_reading_process_is_confined(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It has its limits, two descriptors, no privileges to gain, and nothing of this process's environment."""
    monkeypatch.setenv("PDFGATEWAY_REDIS_URL", "redis://:secret@localhost")
    settings = WorkerSettings(redis_url="", sandbox_memory_bytes_max=512 * MIB, job_seconds_max=77)
    with (
        sandbox_with(settings) as sandbox,
        file_of(pdfs.prose(400)) as document,
        closing(sandbox.read(document, stop=never)) as events,
    ):
        next(events)
        child = only_child()
        assert child.rlimit(psutil.RLIMIT_AS) == (512 * MIB, 512 * MIB)
        assert child.rlimit(psutil.RLIMIT_CPU)[0] == 77
        assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert child.rlimit(psutil.RLIMIT_NPROC) == (0, 0)
        assert child.rlimit(psutil.RLIMIT_NOFILE)[0] <= 64
        assert child.num_fds() == 5
        assert "NoNewPrivs:\t1" in Path(f"/proc/{child.pid}/status").read_text()
        assert "secret" not in str(child.environ())
    assert "without these protections" not in caplog.text


@on_linux
def test_everything_ends_with_the_process_that_uses_the_sandbox() -> None:
    """A replica that is killed leaves neither its zygote nor what that was reading."""
    script = """
import sys, tempfile
from tests import pdfs
from workers.sandbox.sandbox import Sandbox
from workers.settings import WorkerSettings

file = tempfile.TemporaryFile()
file.write(pdfs.cpu_burner())
events = Sandbox(WorkerSettings()).read(file, stop=lambda: False)
next(events)
print("reading", flush=True)
next(events)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as replica:
        assert replica.stdout is not None
        assert replica.stdout.readline() == b"reading\n"
        (zygote,) = psutil.Process(replica.pid).children()
        processes = [zygote, *zygote.children()]
        replica.kill()
    assert len(processes) == 2
    wait_until(lambda: all(map(is_gone, processes)))


def test_the_zygote_stays_light() -> None:
    """What is forked for every document holds no framework, no client of Redis, no settings, and no second thread."""
    script = """
import json, sys, threading
import workers.sandbox.zygote
from workers.extract.pypdf_engine import PypdfEngine

PypdfEngine().preload()
print(json.dumps([sorted(sys.modules), threading.active_count()]))
"""
    answer = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    modules, threads = json.loads(answer.stdout)
    heavy = {"ray", "celery", "kombu", "redis", "requests", "pydantic", "pydantic_settings", "multiprocessing", "grpc"}
    assert not heavy & set(modules)
    assert threads == 1


def test_a_reading_process_imports_nothing() -> None:
    """All that reading needs was loaded before the fork: in a stricter sandbox it could not be loaded later."""
    script = """
import io, sys
from tests import pdfs
from workers.extract.pypdf_engine import PypdfEngine
from workers.extract.read_document import read_document
from workers.jobs.failure import JobFailure
import workers.sandbox.zygote

made = [pdfs.prose(2), pdfs.encrypted(""), pdfs.encrypted(), pdfs.without_startxref(), pdfs.one_broken_page()]
for name in [name for name in sys.modules if name in ("_strptime", "pypdf.filters")]:
    del sys.modules[name]
engine = PypdfEngine()
engine.preload()
before = set(sys.modules)
for pdf in made:
    try:
        list(read_document(engine, io.BytesIO(pdf), pages_max=10))
    except JobFailure:
        pass
print(sorted(set(sys.modules) - before))
"""
    answer = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert answer.stdout == b"[]\n"
