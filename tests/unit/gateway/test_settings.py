"""The settings."""

import pytest
from pydantic import ValidationError

from gateway.settings import Settings


def test_the_defaults_are_safe() -> None:
    """Nothing is open to the network, and no private address is fetched from, unless somebody says so."""
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert not settings.allow_private_networks


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt setting is a mistake to be told, not one to be lived with."""
    monkeypatch.setenv("PDFGATEWAY_HTTP_PROT", "1")
    with pytest.raises(ValueError, match="PDFGATEWAY_HTTP_PROT"):
        Settings.from_environment()


def test_variables_of_the_client_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line's own variable may stand in the same environment."""
    monkeypatch.setenv("PDFGATEWAY_ADDRESS", "localhost:9000")
    Settings.from_environment()


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with the prefix sets the field of its name."""
    monkeypatch.setenv("PDFGATEWAY_HTTP_PORT", "8080")
    monkeypatch.setenv("PDFGATEWAY_ALLOW_PRIVATE_NETWORKS", "1")
    settings = Settings.from_environment()
    assert settings.http_port == 8080
    assert settings.allow_private_networks


@pytest.mark.parametrize(
    "changes",
    [
        {"lease_seconds": 5.0, "lease_renew_seconds": 2.0},
        {"retry_seconds_min": 10.0, "retry_seconds_max": 5.0},
        {"worker_replicas": 3, "worker_replicas_max": 2},
        {"http_port": 0},
        {"pages_max": 20_001},
    ],
)
def test_limits_that_contradict_each_other_are_refused(changes: dict[str, float]) -> None:
    """Relations between limits hold from the start, or nothing starts."""
    with pytest.raises(ValidationError):
        Settings(**changes)  # type: ignore[arg-type]  # names of fields
