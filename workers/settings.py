"""What can be set about the workers: environment variables with the prefix PDFGATEWAY_, units in their names."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class WorkerSettings(BaseSettings):
    """The workers' settings and limits. Every limit exists to be met by a test that exceeds it."""

    model_config = SettingsConfigDict(env_prefix="PDFGATEWAY_", frozen=True, extra="forbid")

    redis_url: str = ""
    """Redis or Valkey of one's own, as redis:// or rediss://; empty: the embedded Valkey is started."""
    data_dir: Path = Path(".data")
    """Folder for what must outlive a restart: the embedded Valkey's data and, by default, the blobs."""
    blob_url: str = ""
    """Where uploaded bytes lie; empty: the folder `blobs` in `data_dir`."""

    worker_replicas: int = Field(default=2, ge=0, le=1000)
    """Consumer processes; 0: none here, they run elsewhere on the same Redis."""
    worker_replicas_max: int | None = Field(default=None, ge=1, le=1000)
    """With it, as many consumer processes as the jobs need, from `worker_replicas` to this; unset: a fixed number."""
    worker_concurrency: int = Field(default=2, ge=1, le=64)
    """Jobs that one consumer process works on at once."""

    lease_seconds: float = Field(default=15, ge=2, le=300)
    """A worker that is silent for so long has lost its job to another."""
    lease_renew_seconds: float = Field(default=1, gt=0, le=60)
    """How often a worker renews its leases; so long it may take to learn of a cancel."""
    progress_seconds_min: float = Field(default=0.02, ge=0.001, le=60)
    """The least time between two progress reports of one job, at its beginning."""
    progress_seconds_max: float = Field(default=0.2, ge=0.001, le=60)
    """The least time between two progress reports of one job that has been going on for long."""
    stop_seconds_max: float = Field(default=10, ge=0, le=3600)
    """How long consumers go on with the jobs in hand when all of the gateway stops, before they hand them back."""

    attempts_max: int = Field(default=4, ge=1, le=20)
    """Times a job is tried: the first time, and three times more after failures that may pass."""
    retry_seconds_min: float = Field(default=1, gt=0, le=3600)
    """Wait before the second attempt; it doubles with each further one."""
    retry_seconds_max: float = Field(default=60, gt=0, le=3600)
    """The longest wait before an attempt."""

    fetch_seconds_max: float = Field(default=30, gt=0, le=3600)
    """A whole download, from the resolution of the name to the last byte, redirects included."""
    redirects_max: int = Field(default=3, ge=0, le=20)
    """Redirects followed, each checked like the first URL."""
    pdf_bytes_max: int = Field(default=50 * MIB, ge=1)
    """Size of a PDF, as received and as decoded."""
    allow_private_networks: bool = False
    """Fetch from loopback and private addresses too. For development: it lets clients reach this host's network."""

    pages_max: int = Field(default=5_000, ge=1, le=20_000)
    """Pages of a PDF."""
    page_seconds_max: float = Field(default=30, gt=0, le=3600)
    """Silence between two pages."""
    job_seconds_max: float = Field(default=300, gt=0, le=3600)
    """Reading one PDF: 30 s and 0.25 s for each page, but never longer than this."""
    sandbox_memory_bytes_max: int = Field(default=1024 * MIB, ge=128 * MIB)
    """Address space of the process that reads one PDF."""
    text_bytes_max: int = Field(default=50 * MIB, ge=1)
    """UTF-8 text of one PDF."""

    @property
    def has_consumers(self) -> bool:
        """Whether there are consumers here, or may be."""
        return self.worker_replicas > 0 or self.worker_replicas_max is not None
