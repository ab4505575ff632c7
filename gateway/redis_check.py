"""The check of the Redis or Valkey that jobs are to be kept in: asks it for facts, within seconds, and judges them."""

import time
from collections.abc import Mapping
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from gateway.redis_fitness import Finding, RedisFacts, Severity, find_faults

CALL_SECONDS_MAX = 2
"""The longest wait for a connection, or for one answer."""
SAMPLE_SECONDS_MAX = 2
"""How long keys are looked at, all in all."""
SAMPLE_CALLS_MAX = 10
SAMPLE_KEYS_PER_CALL = 100


URL_WRONG = (
    # Without what the URL holds: it may be a piece of a password.
    "PDFGATEWAY_REDIS_URL is not understood. It must be redis://user:password@host:port/database, or the same with "
    "rediss:// for TLS; signs such as / and # within a password are written as %2F and %23."
)


class RedisUnreadable(RuntimeError):
    """The facts cannot be had: the message says why, and what to do. It holds no password."""


def check_redis(url: str, *, allow_volatile: bool) -> list[Finding]:
    """All that is wrong with the Redis at this URL, within a few seconds."""
    try:
        facts = read_facts(url)
    except RedisUnreadable as error:
        return [Finding(Severity.REFUSE, str(error))]
    return find_faults(facts, allow_volatile=allow_volatile)


def read_facts(url: str) -> RedisFacts:
    """Ask the Redis at this URL.

    Raises:
        RedisUnreadable: it cannot be reached or understood, or does not let itself be asked.
    """
    client = _connect(url)
    options = client.connection_pool.connection_kwargs
    place = f"Redis at {options.get('host', 'localhost')}:{options.get('port', 6379)}"
    try:
        with client:
            return _ask(client)
    except KeyError as error:
        raise RedisUnreadable(
            f"{place} does not tell its {error.args[0]}. It may be a Sentinel, or no Redis at all: let "
            "PDFGATEWAY_REDIS_URL name a Redis or Valkey."
        ) from error
    except RedisError as error:
        password = options.get("password")
        text = f"{place} {_told(error, tls=url.startswith('rediss:'))}"
        # An old Redis repeats the log-in that it does not understand.
        raise RedisUnreadable(text.replace(password, "…") if password else text) from error


def _connect(url: str) -> Redis:
    if not url.startswith(("redis://", "rediss://")):
        raise RedisUnreadable(URL_WRONG)
    try:
        client = Redis.from_url(
            url,
            socket_timeout=CALL_SECONDS_MAX,
            socket_connect_timeout=CALL_SECONDS_MAX,
            retry=Retry(NoBackoff(), 0),
        )
        # Without a connection being made yet: whether the URL's options are known.
        client.connection_pool.make_connection()
    except (ValueError, TypeError, RedisError) as error:
        raise RedisUnreadable(URL_WRONG) from error
    return client


def _ask(client: Redis) -> RedisFacts:
    asked = time.time()
    with client.pipeline(transaction=False) as pipeline:
        pipeline.info()
        pipeline.time()
        pipeline.config_get("appendfsync")
        info, clock, config = pipeline.execute(raise_on_error=False)
    answered = time.time()
    info = _or_raise(info)
    # Who runs Redis for others often forbids CONFIG; what is needed most is in INFO, too.
    settings: Mapping[str, str] = {} if isinstance(config, RedisError) else config
    return RedisFacts(
        version=str(info["redis_version"]),
        cluster=bool(info["cluster_enabled"]),
        replica=info["role"] != "master",
        append_only_file=bool(info["aof_enabled"]),
        append_fsync=settings.get("appendfsync"),
        eviction_policy=info["maxmemory_policy"],
        memory_bytes_max=info["maxmemory"],
        memory_bytes=info["used_memory"],
        clock_ahead_seconds=_or_raise(clock)[0] - (asked + answered) / 2,
        keys=_sample_keys(client),
    )


def _or_raise(answer: Any) -> Any:
    if isinstance(answer, RedisError):
        raise answer
    return answer


def _sample_keys(client: Redis) -> list[bytes]:
    keys: list[bytes] = []
    cursor: Any = 0
    deadline = time.monotonic() + SAMPLE_SECONDS_MAX
    for _ in range(SAMPLE_CALLS_MAX):
        try:
            cursor, found = client.scan(cursor, count=SAMPLE_KEYS_PER_CALL)
        except ResponseError:
            # Not every user may look around; then there is nothing to tell of.
            break
        keys += [key.encode() if isinstance(key, str) else key for key in found]
        if cursor == 0 or time.monotonic() > deadline:
            break
    return keys


def _told(error: RedisError, *, tls: bool) -> str:
    """What the error means, as the end of a sentence, and what to do."""
    match error:
        case AuthenticationError():
            return "refuses the log-in: the user or the password is wrong. Correct them in PDFGATEWAY_REDIS_URL."
        case NoPermissionError():
            return (
                "does not let the user of PDFGATEWAY_REDIS_URL ask whether it is fit to keep jobs. "
                "Let it: ACL SETUSER … +info +time."
            )
        case BusyLoadingError():
            return "is still loading its data. Start the gateway again when it has."
        case RedisConnectionError() | RedisTimeoutError():
            # What redis-py was told by the system says more than its own words.
            reason = error.__context__ or error
            hint = (
                "If it has no TLS, the URL begins with redis://; if its certificate is by an authority of your own, "
                "the URL names that one's: ?ssl_ca_certs=/path/of/authority.pem."
                if tls
                else "If it speaks TLS only, the URL begins with rediss://."
            )
            return f"does not answer: {reason}. Start it, or correct PDFGATEWAY_REDIS_URL. {hint}"
        case _:
            return f"answers with an error: {error}. Correct PDFGATEWAY_REDIS_URL."
