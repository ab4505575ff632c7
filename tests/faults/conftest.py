"""What fault tests share: a gateway to hurt, callers of it, consumers without Ray, and the table of figures."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from pdfgateway import PDFGatewayClient
from tests.acceptance.gateway_process import RunningGateway, running_gateway
from tests.faults.checker import Verdict
from tests.faults.injuries import ORDERS
from tests.faults.load import Load
from tests.integration.conftest import origin, own_valkey, shared_store, start_consumer, store
from tests.origin import Origin

__all__ = ["origin", "own_valkey", "shared_store", "start_consumer", "store"]

ALL_FAULTS = os.environ.get("FAULTS") == "all"
"""Set by `make faults`: the long tests run too, and the others with their large counts."""


def count(short: int, long: int) -> int:
    """How often: a few times in everyday runs, often in `make faults`."""
    return long if ALL_FAULTS else short


@dataclass(frozen=True, slots=True)
class Figure:
    """What a promise came to in this run."""

    promise: str
    measured: float
    bound: float
    unit: str


NoteFigure = Callable[..., None]
Judge = Callable[[Load], None]
StartLoad = Callable[..., Load]
SETTLE_SECONDS_MAX = 120
_FIGURES = pytest.StashKey[list[Figure]]()
_VERDICTS = pytest.StashKey[list[Verdict]]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the table."""
    config.stash[_FIGURES] = []
    config.stash[_VERDICTS] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to `make faults`."""
    if ALL_FAULTS:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table: promise, figure, bound."""
    figures = [*config.stash.get(_FIGURES, []), *_totals(config.stash.get(_VERDICTS, []))]
    if not figures:
        return
    terminalreporter.section("faults: promise → figure")
    width = max(len(figure.promise) for figure in figures)
    for figure in figures:
        measured, bound = (f"{number:,.3g} {figure.unit}" for number in (figure.measured, figure.bound))
        terminalreporter.write_line(f"{figure.promise:<{width}}  {measured:>12}  (at most {bound})")


def _totals(verdicts: list[Verdict]) -> list[Figure]:
    accepted = sum(verdict.accepted for verdict in verdicts)
    kinds = {"lost": "lost", "twice": "ended twice", "unexpected": "nobody asked for", "unended": "watched in vain"}
    return [
        Figure(f"P1, P3 of {accepted} jobs accepted under faults: {words}", len(broken), 0, "jobs")
        for kind, words in kinds.items()
        if (broken := [breach for verdict in verdicts for breach in getattr(verdict, kind)]) or accepted
    ]


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """Waits until all that callers began has ended, and fails if a promise was broken."""

    def judge(callers: Load) -> None:
        verdict = callers.settle(SETTLE_SECONDS_MAX)
        request.config.stash[_VERDICTS].append(verdict)
        assert verdict.breaches == []

    return judge


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> NoteFigure:
    """Notes what a promise came to, for the table; fails if it is over its bound."""

    def note(promise: str, measured: float, bound: float, unit: str = "s") -> None:
        request.config.stash[_FIGURES].append(Figure(promise, measured, bound, unit))
        assert measured <= bound, f"{promise}: {measured:.3g} {unit}, and at most {bound:g} is promised"

    return note


@pytest.fixture(scope="session")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that these tests may hurt, with more attempts than they cost."""
    injected = {"PYTHONPATH": str(Path(__file__).with_name("injected")), ORDERS: str(tmp_path_factory.mktemp("orders"))}
    with running_gateway(tmp_path_factory.mktemp("fragile"), injected, attempts_max="20") as running:
        yield running


@pytest.fixture
def client(fragile: RunningGateway) -> Iterator[PDFGatewayClient]:
    """The Python client of that gateway."""
    with PDFGatewayClient(fragile.grpc_address) as client:
        yield client


@pytest.fixture
def redis(fragile: RunningGateway) -> "Iterator[Redis[bytes]]":
    """A client of that gateway's Valkey."""
    with Redis(port=fragile.valkey.port) as client:
        yield client


@pytest.fixture
def load(fragile: RunningGateway, redis: "Redis[bytes]", origin: Origin, request: pytest.FixtureRequest) -> StartLoad:
    """Makes callers of that gateway. Their plan follows from the test's name, so that a run can be repeated."""

    def make(jobs_per_second: float = 4) -> Load:
        return Load(fragile.grpc_address, redis, origin, seed=request.node.name, jobs_per_second=jobs_per_second)

    return make
