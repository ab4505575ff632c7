"""What can be set: environment variables with the prefix PDFGATEWAY_. An unknown one is refused, not ignored."""

import os
from typing import Self

from pydantic import Field, model_validator

from workers.settings import MIB, WorkerSettings

PREFIX = "PDFGATEWAY_"
CLIENT_VARIABLES = frozenset({"PDFGATEWAY_ADDRESS"})
"""Variables of the command-line client, which may stand in the same environment."""


VALKEY_MEMORY_BYTES = 1024 * MIB
"""Memory of the embedded Valkey unless set: half of the free memory that a start wants; room for about 200,000 jobs."""


MEMORY_USED_RATIO_MAX = 0.8
"""How much of its memory the store may use before submissions are refused.

The rest is for the jobs that it has: a Redis that is full refuses their results, and loses messages on their way.
"""


class Settings(WorkerSettings):
    """All settings of the gateway and its workers."""

    host: str = "127.0.0.1"
    """Address that the HTTP and gRPC ports listen on. The Python proxies' gRPC port always listens on all."""
    http_port: int = Field(default=8000, ge=1, le=65535)
    grpc_port: int = Field(default=9000, ge=1, le=65535)
    valkey_port: int = Field(default=6390, ge=1, le=65535)
    """Port of the embedded Valkey, on loopback."""
    valkey_memory_bytes_max: int = Field(default=VALKEY_MEMORY_BYTES, ge=16 * MIB)
    """Memory of the embedded Valkey; full, it takes no further jobs."""
    allow_volatile_redis: bool = False
    """Take a Redis without an append-only file, which loses jobs when it ends."""
    haproxy: bool | None = None
    """Serve's HAProxy mode (true) or its Python proxies (false); unset: HAProxy where its wheel is installed."""
    ingress_replicas: int = Field(default=1, ge=1, le=1000)
    """Ingress processes."""
    reflection: bool = True
    """Tell gRPC clients such as grpcurl what the services are."""

    message_bytes_max: int = Field(default=4 * MIB, ge=64 * 1024)
    """Size of a gRPC message."""
    retention_seconds: float = Field(default=7 * 86_400, ge=60)
    """How long a job is kept after its end, unless its submission says otherwise; and how long it may take to end."""
    queued_jobs_max: int = Field(default=100_000, ge=1)
    """Jobs in the queue with which no further one is accepted."""

    store_seconds_max: float = Field(default=1.5, gt=0, le=30)
    """How long a request waits for Redis before it is answered with UNAVAILABLE or 503."""
    wait_seconds_max: float = Field(default=60, gt=0, le=600)
    """The longest long poll."""
    watch_seconds_max: float = Field(default=900, gt=0)
    """The longest watch; it then ends cleanly, and the client watches again."""
    watches_max: int = Field(default=10_000, ge=1)
    """Watches and long polls open at once in one ingress process."""
    heartbeat_seconds: float = Field(default=10, gt=0, le=60)
    """The longest silence of a watch."""

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if self.lease_renew_seconds * 3 > self.lease_seconds:
            raise ValueError("lease_renew_seconds must be at most a third of lease_seconds")
        if self.retry_seconds_min > self.retry_seconds_max:
            raise ValueError("retry_seconds_min must be at most retry_seconds_max")
        if self.worker_replicas_max is not None and self.worker_replicas_max < self.worker_replicas:
            raise ValueError("worker_replicas_max must be at least worker_replicas")
        return self

    @classmethod
    def from_environment(cls) -> Self:
        """The settings that the environment gives.

        Raises:
            ValueError: a variable with the prefix is unknown, or its value is not allowed.
        """
        known = {PREFIX + name.upper() for name in cls.model_fields} | CLIENT_VARIABLES
        unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
        if unknown:
            raise ValueError(f"Unknown settings: {', '.join(unknown)}. docs/SETTINGS.md lists those there are.")
        return cls()
