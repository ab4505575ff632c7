"""A gateway whose start ends before Ray: what comes first, and what is said of it, takes seconds."""

import sys

from gateway import serve
from gateway.settings import Settings


class NoCluster:
    """Stands where Ray would be started."""

    haproxy = False

    def __init__(self, settings: Settings) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


serve.Cluster = NoCluster  # type: ignore[assignment, misc]  # all that is used of it
sys.exit(serve.main())
