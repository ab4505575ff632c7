"""The command that runs a gateway."""

import sys
from types import ModuleType

import pytest
from typer.testing import CliRunner

from pdfgateway.cli.app import app


def test_without_the_server_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has installed the client only is told the command of pip."""
    monkeypatch.setitem(sys.modules, "gateway.serve", None)
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 2
    assert "pip install 'pdfgateway[server]'" in result.stderr


@pytest.mark.parametrize("exit_code", [0, 2])
def test_the_gateway_decides_the_exit_code(monkeypatch: pytest.MonkeyPatch, exit_code: int) -> None:
    """A gateway that could not start fails the command."""
    module = ModuleType("gateway.serve")
    module.__dict__["main"] = lambda: exit_code
    monkeypatch.setitem(sys.modules, "gateway.serve", module)
    assert CliRunner().invoke(app, ["serve"]).exit_code == exit_code
