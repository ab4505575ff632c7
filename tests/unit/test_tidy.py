"""The house's habits, as tests: short functions and modules, names that say something, docs that name what exists."""

import ast
from pathlib import Path

import pytest

FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 350
TEST_LINES_MAX = 600
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "base", "manager"}

SOURCES = sorted(
    path
    for folder in ("gateway", "workers", "clients/python/pdfgateway", "bench", "tools", "tests")
    for path in Path(folder).rglob("*.py")
    if "_pb2" not in path.name
)


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    """No function has more than 70 lines; no module more than 350, tests 600."""
    text = path.read_text()
    assert text.count("\n") <= (TEST_LINES_MAX if path.name.startswith("test_") else MODULE_LINES_MAX)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_modules_name_says_what_is_in_it(path: Path) -> None:
    """A name like utils says nothing."""
    assert path.stem not in VAGUE_NAMES


def test_every_test_says_what_it_shows() -> None:
    """A test's docstring is the rule that it tests."""
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path in Path("tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and ast.get_docstring(node) is None
    ]
    assert not silent, "\n".join(silent)
