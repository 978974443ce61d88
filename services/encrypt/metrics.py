"""What Prometheus is told: calls as they end, and the state of pool and keyring at each scrape.

Labels take values from fixed sets only, never from a request.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from services.encrypt.derivation import DerivationPool
from services.encrypt.endpoint import OPERATIONS
from services.encrypt.errors import Broken
from services.encrypt.keyring import Keyring
from services.encrypt.middleware import Report

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One registry for one application; nothing is shared with others in the process."""

    def __init__(self, pool: DerivationPool, keyring: Keyring) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "encrypt_requests", "Calls by outcome", ["operation", "outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "encrypt_request_seconds", "Time of a call", ["operation"], buckets=SECONDS, registry=self._registry
        )
        for operation in OPERATIONS:
            self._requests.labels(operation, Broken.outcome)  # 0: a rate sees a count rise, not one that begins at 1
        self._registry.register(_State(pool, keyring))
        ProcessCollector(registry=self._registry)

    def count(self, report: Report) -> None:
        self._requests.labels(report.operation, report.outcome).inc()
        self._seconds.labels(report.operation).observe(report.seconds)

    def page(self) -> bytes:
        """The text form of now."""
        return generate_latest(self._registry)


class _State(Collector):
    """Asks at each scrape, so that neither pool nor keyring knows of metrics."""

    def __init__(self, pool: DerivationPool, keyring: Keyring) -> None:
        self._pool = pool
        self._keyring = keyring

    def collect(self) -> Iterator[Metric]:
        yield SummaryMetricFamily(
            "encrypt_derivation_seconds",
            "Key derivations done, and the time they took in their threads",
            count_value=self._pool.done,
            sum_value=self._pool.seconds,
        )
        yield GaugeMetricFamily(
            "encrypt_derivation_queue", "Derivations waiting for a thread", value=self._pool.waiting
        )
        kept = GaugeMetricFamily("encrypt_cached_keys", "Derived keys in memory", labels=["use"])
        for use, count in self._keyring.kept().items():
            kept.add_metric([use], count)
        yield kept
        lookups = CounterMetricFamily("encrypt_key_lookups", "Where keys were found", labels=["result"])
        for result in ("hit", "joined", "miss"):
            lookups.add_metric([result], self._keyring.lookups[result])
        yield lookups
