"""Whether a Redis is fit to keep jobs."""

import dataclasses
from typing import Any

import pytest

from gateway.redis_fitness import MIB, RedisFacts, Severity, find_faults

REFUSE, WARN = Severity.REFUSE, Severity.WARN

FIT = RedisFacts(
    version="7.2.4",
    cluster=False,
    replica=False,
    append_only_file=True,
    append_fsync="everysec",
    eviction_policy="noeviction",
    memory_bytes_max=1024 * MIB,
    memory_bytes=MIB,
    clock_ahead_seconds=0.2,
    keys=(b"pdfgateway:jobs",),
)


def shown(*, allow_volatile: bool = False, **changes: Any) -> list[tuple[Severity, str]]:
    """What is found wrong with a fit Redis that is changed so."""
    faults = find_faults(dataclasses.replace(FIT, **changes), allow_volatile=allow_volatile)
    return [(fault.severity, fault.text) for fault in faults]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"version": "7.0.15"},
        {"version": "10.0.0"},
        {"append_fsync": "always"},
        {"memory_bytes": 819 * MIB},
        {"clock_ahead_seconds": 5},
        {"clock_ahead_seconds": -5},
        {"keys": ()},
    ],
)
def test_a_fit_redis_is_taken_without_a_word(changes: dict[str, Any]) -> None:
    """A Redis as docs/SETTINGS.md asks for, up to the last allowed value."""
    assert shown(**changes) == []


@pytest.mark.parametrize(
    ("changes", "severity", "setting"),
    [
        ({"version": "6.2.14"}, REFUSE, "Use Redis 7.0 or newer, or any Valkey."),
        ({"cluster": True}, REFUSE, "cluster-enabled no"),
        ({"replica": True}, REFUSE, "REPLICAOF NO ONE"),
        ({"eviction_policy": "allkeys-lru"}, REFUSE, "CONFIG SET maxmemory-policy noeviction"),
        # Those keys that have a time to live are the idempotency keys.
        ({"eviction_policy": "volatile-ttl"}, REFUSE, "CONFIG SET maxmemory-policy noeviction"),
        ({"append_only_file": False}, REFUSE, "CONFIG SET appendonly yes"),
        ({"append_only_file": False}, REFUSE, "PDFGATEWAY_ALLOW_VOLATILE_REDIS=true"),
        ({"append_only_file": False, "append_fsync": None}, REFUSE, "CONFIG SET appendonly yes"),
        ({"append_fsync": "no"}, WARN, "CONFIG SET appendfsync everysec"),
        ({"append_fsync": None}, WARN, "CONFIG GET"),
        ({"memory_bytes_max": 0}, WARN, "CONFIG SET maxmemory 1gb"),
        ({"memory_bytes": 820 * MIB}, WARN, "Redis has taken 820 of its 1024 MiB"),
        ({"clock_ahead_seconds": 40.4}, WARN, "Redis' clock is 40 s ahead of this machine's."),
        ({"clock_ahead_seconds": -5.6}, WARN, "Redis' clock is 6 s behind this machine's."),
        ({"keys": (b"session:1",)}, WARN, "PDFGATEWAY_REDIS_URL"),
    ],
)
def test_what_is_wrong_is_told_with_the_setting_to_change(
    changes: dict[str, Any], severity: Severity, setting: str
) -> None:
    """One fault, one finding: it refuses where jobs would be lost, warns otherwise, and says what to do."""
    ((found, text),) = shown(**changes)
    assert found is severity
    assert setting in text


def test_a_redis_that_forgets_can_be_allowed() -> None:
    """The setting makes a warning of the refusal; it allows nothing else."""
    ((severity, text),) = shown(append_only_file=False, allow_volatile=True)
    assert severity is WARN
    assert "PDFGATEWAY_ALLOW_VOLATILE_REDIS is set" in text
    ((severity, _),) = shown(eviction_policy="allkeys-lru", allow_volatile=True)
    assert severity is REFUSE


def test_what_would_be_evicted_is_told_before_there_is_a_limit() -> None:
    """Without maxmemory nothing is evicted: two warnings, so that whoever sets it does not lose jobs by it."""
    faults = shown(memory_bytes_max=0, eviction_policy="allkeys-lru")
    assert [severity for severity, _ in faults] == [WARN, WARN]
    assert "CONFIG SET maxmemory-policy noeviction" in faults[0][1]
    assert "CONFIG SET maxmemory 1gb" in faults[1][1]


def test_all_faults_are_told_at_once() -> None:
    """Nobody has to start five times to learn of five faults."""
    faults = shown(version="5.0.7", cluster=True, replica=True, eviction_policy="allkeys-lfu", append_only_file=False)
    assert [severity for severity, _ in faults] == [REFUSE] * 5


@pytest.mark.parametrize(
    "key",
    [
        b"celery-task-meta-0b7f",
        b"pdfgateway:job:0b7f",
        b"pdfgateway:request:any\nthing \xff at all",
        b"pdf_processing_queue",
        b"pdf_processing_queue\x06\x169",
        b"failed_pdfs",
        b"invalid_pdfs",
        b"_kombu.binding.pdf_processing_queue",
        b"_kombu.binding_permanent.pdf_processing_queue",
        b"_kombu.binding.failed_pdfs",
    ],
)
def test_the_gateways_own_keys_are_known(key: bytes) -> None:
    """A gateway that starts again does not take itself for a stranger."""
    assert shown(keys=(key,)) == []


@pytest.mark.parametrize(
    "key", [b"celery", b"unacked", b"_kombu.binding.celery", b"pdfgateway", b"pdf_processing_queue2", b"a:failed_pdfs"]
)
def test_keys_of_another_celery_app_are_not_ours(key: bytes) -> None:
    """The likeliest neighbour is another Celery app, whose keys look like ours."""
    ((severity, text),) = shown(keys=(key,))
    assert severity is WARN
    assert "1 of 1 keys" in text


def test_keys_of_others_are_counted_and_not_named() -> None:
    """A key may be a secret, as of a session; the words that begin most of them are not, and help to find the owner."""
    keys = [b"5ecret:1", b"5ecret:2", b"session:7c9e66", b"session:50b1af", b"limit:10.0.0.9", b"cache:a", b"tok3n"]
    ((_, text),) = shown(keys=(b"pdfgateway:jobs", *keys))
    assert "7 of 8 keys" in text
    assert "(session:*, limit:*, cache:*)" in text
    assert not any(secret in text for secret in ("7c9e66", "50b1af", "10.0.0.9", "tok3n", "5ecret"))
