"""What the gateway counts, for Prometheus. Labels are names of services and instances, never anything a client said."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from discovery.errors import Attempt
from discovery.resolver import Resolver
from discovery.upstream import Standing

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One set for each process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("gateway_requests", "Requests answered", ["service", "status"], registry=self.registry)
        self.seconds = Histogram(
            "gateway_request_seconds",
            "From the request's head to the response's",
            ["service"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.attempts = Counter(
            "gateway_attempts", "Attempts on instances", ["service", "outcome"], registry=self.registry
        )
        self.in_flight = Gauge("gateway_in_flight", "Requests being served", registry=self.registry)

    def answered(self, service: str, status: int, seconds: float, attempts: Iterable[Attempt]) -> None:
        self.requests.labels(service, str(status)).inc()
        self.seconds.labels(service).observe(seconds)
        for each in attempts:
            self.attempts.labels(service, each.outcome).inc()


class PoolCollector(Collector):
    """Reads the pools when it is asked, so that nothing has to be kept in step."""

    def __init__(self, resolver: Resolver, clock: Callable[[], float]) -> None:
        self._resolver = resolver
        self._clock = clock

    def collect(self) -> Iterable[GaugeMetricFamily]:
        instances = GaugeMetricFamily(
            "gateway_instances", "Known instances by standing", labels=["service", "standing"]
        )
        for pool in self._resolver.pools.values():
            standings = [each.standing(self._clock()) for each in pool.upstreams]
            for standing in Standing:
                instances.add_metric([pool.service, standing.name.lower()], standings.count(standing))
        yield instances
        hears = GaugeMetricFamily("gateway_registry_up", "1 while the registry answers")
        hears.add_metric([], float(self._resolver.hears_registry))
        yield hears
