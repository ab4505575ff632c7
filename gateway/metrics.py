"""The job store's figures in Prometheus' text format: pure.

They are the store's, so each ingress tells the same; alarms belong on the dead letters and on the oldest of them.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from gateway.service import Health

MEDIA_TYPE = CONTENT_TYPE_LATEST


def metrics_text(health: Health) -> bytes:
    """What is known of the store."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StoreMetrics(health))
    return generate_latest(registry)


class _StoreMetrics(Collector):
    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        condition = self._health.condition
        yield _gauge("pdfgateway_store_up", "Whether the job store answers.", int(condition is not None))
        accepting = int(self._health.refusal is None)
        yield _gauge("pdfgateway_accepting", "Whether a submission would be accepted.", accepting)
        if condition is None:
            return
        yield _gauge("pdfgateway_consumers", "Consumers that have shown life lately.", condition.consumers)
        jobs = GaugeMetricFamily("pdfgateway_jobs", "Jobs that are kept, by state.", labels=["state"])
        for state, count in condition.jobs.items():
            jobs.add_metric([state.value], count)
        yield jobs
        letters = GaugeMetricFamily("pdfgateway_dead_letters", "Letters in a dead-letter queue.", labels=["queue"])
        for queue, count in condition.dead_letters.items():
            letters.add_metric([queue], count)
        yield letters
        used = condition.used_memory_bytes
        yield _gauge("pdfgateway_store_memory_bytes", "Memory that the job store uses.", used)
        most = condition.memory_bytes_max
        yield _gauge("pdfgateway_store_memory_bytes_max", "Memory that it may use; 0: no limit.", most)


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)
