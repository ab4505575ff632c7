"""What a reading process is asked: the limits of one document."""

import json
from dataclasses import asdict, dataclass

REQUEST_BYTES_MAX = 1024
"""Length of an encoded request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """The limits within which to read a document."""

    pages_max: int
    cpu_seconds_max: int
    memory_bytes_max: int

    def encode(self) -> bytes:
        """The request as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> "ReadRequest":
        """The request that `encode` encoded."""
        return cls(**json.loads(encoded))
