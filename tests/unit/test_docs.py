"""The documents against the code: their tables, links, and the names that they mention."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.errors import REFUSAL_RULES, RefusalRule
from gateway.settings import CLIENT_VARIABLES, PREFIX, Settings
from pdfgateway.cli.exit_codes import MEANINGS
from pdfgateway.rpc_errors import ERRORS_BY_REASON
from workers.jobs.failure import FAILURE_RULES
from workers.jobs.state import NEXT_STATES
from workers.message_check import MessageFault

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
CODES = {code.value[0]: code.name for code in grpc.StatusCode}

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
_TEST_NAME = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
_MAKE = re.compile(r"(?:^|`)make ([a-z]+)", re.MULTILINE)


def prose(document: Path) -> str:
    """A document without its code blocks."""
    return _FENCED.sub("", document.read_text(encoding="utf-8"))


def section(document: Path, heading: str) -> str:
    """What stands between a heading and the next one."""
    _, _, rest = prose(document).partition(f"# {heading}\n")
    assert rest, f"{document.name} has no heading {heading!r}"
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[tuple[str, ...]]:
    """The rows of the tables in a text, without their heads, each cell without its backquotes."""
    lines = text.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        is_head = not before.startswith("|")
        if line.startswith("|") and not is_head and not line.startswith("|---"):
            yield tuple(cell.strip().strip("`") for cell in line.strip("|").split(" | "))


def refusal_row(reason: str, rule: RefusalRule) -> tuple[str, ...]:
    """What docs/ERRORS.md must say about a refusal."""
    error = ERRORS_BY_REASON.get(reason)
    retry = "no" if rule.retry_seconds is None else f"after {rule.retry_seconds:g} s"
    return (reason, CODES[rule.grpc_code], str(rule.http_status), retry, error.__name__ if error else "—")


def test_the_table_of_refusals_is_the_codes() -> None:
    """Every reason, with its gRPC code, HTTP status, retry and Python exception; and something to do about each."""
    table = list(rows(section(ROOT / "docs/ERRORS.md", "Refusals")))
    assert [row[:5] for row in table] == [refusal_row(reason.value, rule) for reason, rule in REFUSAL_RULES.items()]
    assert all(len(row) == 6 and row[5] for row in table)


def test_the_table_of_failures_is_the_codes() -> None:
    """Every reason, with whether it is retried and its phase; and something to do about each."""
    table = list(rows(section(ROOT / "docs/ERRORS.md", "Failures of jobs")))
    assert [row[:3] for row in table] == [
        (reason.value, "yes" if rule.retryable else "no", rule.phase.value) for reason, rule in FAILURE_RULES.items()
    ]
    assert all(len(row) == 5 and row[3] and row[4] for row in table)


def test_the_table_of_messages_faults_is_the_codes() -> None:
    """Every reason for which an item of the queue is put aside, and something to do about each."""
    table = list(rows(section(ROOT / "docs/ERRORS.md", "Messages that are no job's")))
    assert [row[0] for row in table] == list(MessageFault)
    assert all(len(row) == 2 and row[1] for row in table)


def test_the_table_of_warnings_is_the_codes() -> None:
    """Every reason that a ResultWarning is made with, and no other."""
    made = {
        keyword.value.value
        for path in (ROOT / "workers").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ResultWarning"
        for keyword in node.keywords
        if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant)
    }
    assert made
    assert {row[0] for row in rows(section(ROOT / "docs/ERRORS.md", "Warnings"))} == made


def test_the_table_of_exit_codes_is_the_codes() -> None:
    """Each code of the command line with the very words of its help."""
    table = list(rows(section(ROOT / "docs/ERRORS.md", "Exit codes of the command line")))
    assert table == [(f"{code:d}", meaning) for code, meaning in MEANINGS.items()]


def test_the_table_of_transitions_is_the_codes() -> None:
    """Each state that may follow another has its row, and no other has."""
    table = [row[:2] for row in rows(section(ROOT / "docs/ARCHITECTURE.md", "The state machine"))]
    assert len(table) == len(set(table))
    assert set(table) == {(state.value, after.value) for state, followers in NEXT_STATES.items() for after in followers}


def shown_default(schema: dict[str, Any]) -> str:
    """A default as one would write it into the environment."""
    match schema["default"]:
        case None:
            return "unset"
        case bool() as flag:
            return str(flag).lower()
        case float() as number if number.is_integer():
            return str(int(number))
        case other:
            return str(other) or "empty"


def shown_range(schema: dict[str, Any]) -> str:
    """What may be set, in words."""
    [schema] = [one for one in schema.get("anyOf", [schema]) if one["type"] != "null"]
    if schema["type"] == "boolean":
        return "true or false"
    if schema["type"] == "string":
        return "a path" if schema.get("format") == "path" else "text"
    most = schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f"more than {schema['exclusiveMinimum']:g}" + ("" if most is None else f", at most {most:g}")
    return f"at least {schema['minimum']}" if most is None else f"{schema['minimum']:g} to {most:g}"


def test_the_tables_of_settings_are_the_codes() -> None:
    """Every setting, with its default and what is allowed; and a meaning for each."""
    table = [row for row in rows(prose(ROOT / "docs/SETTINGS.md")) if row[0].startswith(PREFIX)]
    assert len(table) == len({row[0] for row in table})
    described = {row[0]: row[1:3] for row in table}
    schemas = Settings.model_json_schema()["properties"]
    settings = {PREFIX + name.upper(): (shown_default(one), shown_range(one)) for name, one in schemas.items()}
    assert {name: row for name, row in described.items() if name not in CLIENT_VARIABLES} == settings
    assert described.keys() >= CLIENT_VARIABLES
    assert all(len(row) == 4 and row[3] for row in table)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_setting_that_is_mentioned_exists(document: Path) -> None:
    """No document tells to set what is not there."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | CLIENT_VARIABLES
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+[A-Z]\b", document.read_text(encoding="utf-8"))) <= known


def anchors(document: Path) -> set[str]:
    """The names by which a document's headings are linked to, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")
        for heading in _HEADING.findall(prose(document))
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """Files that are linked to exist, and so do their headings."""
    broken = []
    for target, anchor in _LINK.findall(prose(document)):
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    assert not broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_test_that_is_named_exists(document: Path) -> None:
    """A promise that names its test is shown by that test."""
    missing = []
    for file, name in _TEST_NAME.findall(prose(document)):
        path = ROOT / file
        if not path.exists() or f"def {name}(" not in path.read_text(encoding="utf-8"):
            missing.append(f"{file}::{name}")
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    """What a document tells to type is there to be typed."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(_MAKE.findall(document.read_text(encoding="utf-8"))) <= targets
