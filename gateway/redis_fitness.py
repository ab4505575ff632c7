"""Whether a Redis or Valkey is fit to keep jobs: rules over facts, which gateway.redis_check reads. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.settings import MEMORY_USED_RATIO_MAX
from workers.celery_settings import QUEUE
from workers.record.transition import FAILED_QUEUE, INVALID_QUEUE, RECORD_KEY_PREFIX

VERSION_MIN = (7, 0)
"""The oldest Redis that is supported. Every Valkey is newer: it tells the version of Redis that it equals."""
CLOCK_SECONDS_MAX = 5
"""Redis' clock may differ from ours by so much before it is worth a word."""
PREFIXES_SHOWN_MAX = 3
"""Prefixes of others' keys that are shown."""

MIB = 1024 * 1024

_OWN_KEY = re.compile(
    # The queues with the two keys that kombu binds each by, and with the suffix by which it marks a priority.
    rf"({RECORD_KEY_PREFIX}|pdfgateway:).*"
    rf"|(_kombu\.binding(_permanent)?\.)?({QUEUE}|{FAILED_QUEUE}|{INVALID_QUEUE})(\x06\x16\d+)?".encode(),
    re.DOTALL,
)
_PREFIX = re.compile(rb"[A-Za-z_-]{1,30}:")
"""The part of a key that is a word, and so no secret."""


class Severity(StrEnum):
    """What follows from a finding."""

    REFUSE = "REFUSE"
    """Jobs would be lost, or nothing would work: the gateway does not start."""
    WARN = "WARN"
    """Worth knowing; the gateway starts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a Redis: what, why it matters, and which setting to change. It holds no secret."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """What there is to know of a Redis or Valkey."""

    version: str
    """The version of Redis that it is, or equals."""
    cluster: bool
    """Its keys are spread over several nodes."""
    replica: bool
    """It copies another server."""
    append_only_file: bool
    append_fsync: str | None
    """Its setting `appendfsync`; None: it does not tell its settings."""
    eviction_policy: str
    """Its setting `maxmemory-policy`."""
    memory_bytes_max: int
    """Its setting `maxmemory`; 0: it takes what it needs."""
    memory_bytes: int
    """What it takes now."""
    clock_ahead_seconds: float
    """Its clock, less ours."""
    keys: Sequence[bytes]
    """A sample of the keys in the database."""


def find_faults(facts: RedisFacts, *, allow_volatile: bool) -> list[Finding]:
    """All that is wrong; with `allow_volatile`, a Redis that forgets when it ends is only worth a warning."""
    return [
        *_kind_faults(facts),
        *_eviction_faults(facts),
        *_durability_faults(facts, allow_volatile=allow_volatile),
        *_memory_faults(facts),
        *_clock_faults(facts),
        *_neighbour_faults(facts),
    ]


def _kind_faults(facts: RedisFacts) -> Iterator[Finding]:
    version = tuple(int(number) for number in re.findall(r"\d+", facts.version)[:2])
    if version < VERSION_MIN:
        wanted = ".".join(map(str, VERSION_MIN))
        yield Finding(
            Severity.REFUSE,
            f"Redis {facts.version} is too old: the gateway is made for, and tested with, newer ones. "
            f"Use Redis {wanted} or newer, or any Valkey.",
        )
    if facts.cluster:
        yield Finding(
            Severity.REFUSE,
            "Redis runs as a cluster, but all keys of the gateway must lie on one node. "
            "Use a server with cluster-enabled no.",
        )
    if facts.replica:
        yield Finding(
            Severity.REFUSE,
            "Redis is a replica: it takes no writes, or loses them. Let PDFGATEWAY_REDIS_URL name its primary, or "
            "make it one: REPLICAOF NO ONE.",
        )


def _eviction_faults(facts: RedisFacts) -> Iterator[Finding]:
    if facts.eviction_policy == "noeviction":
        return
    if facts.memory_bytes_max:
        yield Finding(
            Severity.REFUSE,
            f"Redis throws keys away when it is full (maxmemory-policy {facts.eviction_policy}), and accepted jobs "
            f"with them. {_set('maxmemory-policy noeviction')}",
        )
    else:
        yield Finding(
            Severity.WARN,
            f"Redis would throw accepted jobs away if it had a maxmemory (maxmemory-policy {facts.eviction_policy}). "
            + _set("maxmemory-policy noeviction"),
        )


def _durability_faults(facts: RedisFacts, *, allow_volatile: bool) -> Iterator[Finding]:
    if not facts.append_only_file:
        fault = (
            "Redis keeps no append-only file: when it ends, all jobs since its last snapshot are lost, and all jobs "
            f"if it makes none. {_set('appendonly yes')}"
        )
        if allow_volatile:
            yield Finding(Severity.WARN, f"{fault} PDFGATEWAY_ALLOW_VOLATILE_REDIS is set, so it is used nevertheless.")
        else:
            yield Finding(Severity.REFUSE, f"{fault} Or accept the loss: PDFGATEWAY_ALLOW_VOLATILE_REDIS=true.")
    elif facts.append_fsync is None:
        yield Finding(
            Severity.WARN,
            "Redis does not let CONFIG GET be called, so how often it writes to the disk is not known. See that its "
            "appendfsync is everysec or always.",
        )
    elif facts.append_fsync == "no":
        yield Finding(
            Severity.WARN,
            "Redis leaves it to the system when its append-only file is written to the disk (appendfsync no): a power "
            f"cut costs the jobs of half a minute or more. {_set('appendfsync everysec')}",
        )


def _memory_faults(facts: RedisFacts) -> Iterator[Finding]:
    if not facts.memory_bytes_max:
        yield Finding(
            Severity.WARN,
            "Redis has no limit of memory: nothing refuses jobs before its machine runs out of it and ends Redis. "
            "Leave half of the machine's free, since all of it may be copied to write the file. "
            + _set("maxmemory 1gb"),
        )
    elif facts.memory_bytes > facts.memory_bytes_max * MEMORY_USED_RATIO_MAX:
        yield Finding(
            Severity.WARN,
            f"Redis has taken {facts.memory_bytes // MIB} of its {facts.memory_bytes_max // MIB} MiB of memory "
            "already, so there is little room for jobs. Set a higher maxmemory, which for the embedded Valkey is "
            "PDFGATEWAY_VALKEY_MEMORY_BYTES_MAX; or, for jobs to come, a shorter PDFGATEWAY_RETENTION_SECONDS.",
        )


def _clock_faults(facts: RedisFacts) -> Iterator[Finding]:
    if abs(facts.clock_ahead_seconds) > CLOCK_SECONDS_MAX:
        way = "ahead of" if facts.clock_ahead_seconds > 0 else "behind"
        yield Finding(
            Severity.WARN,
            f"Redis' clock is {abs(facts.clock_ahead_seconds):.0f} s {way} this machine's. Leases and deadlines do not "
            "suffer, because Redis' clock alone counts, but the times shown of jobs are its own. "
            "Set both machines' clocks, by NTP.",
        )


def _neighbour_faults(facts: RedisFacts) -> Iterator[Finding]:
    others = [key for key in facts.keys if not _OWN_KEY.fullmatch(key)]
    if others:
        # Whole keys may be secrets: of sessions, for example.
        found = Counter(match[0].decode() for key in others if (match := _PREFIX.match(key)))
        shown = ", ".join(f"{prefix}*" for prefix, _ in found.most_common(PREFIXES_SHOWN_MAX))
        yield Finding(
            Severity.WARN,
            f"Redis' database is shared: {len(others)} of {len(facts.keys)} keys looked at are not the gateway's"
            f"{f' ({shown})' if shown else ''}. Whoever else uses it takes its memory, and may empty it. "
            "Give the gateway a database for itself: another number at the end of PDFGATEWAY_REDIS_URL.",
        )


def _set(setting: str) -> str:
    return f"Set it in Redis' configuration, or at once: CONFIG SET {setting}."
