"""What the gateway counts, for Prometheus. Labels are names of services and instances, never anything a client said."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from discovery.errors import Attempt
from discovery.resolver import Resolver
from discovery.upstream import Standing

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics(Collector):
    """One set for each process, in a registry of its own.

    Counts in plain dictionaries and makes metrics of them when it is asked: it stands in the way of every request.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, list[float]] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self.registry.register(self)

    def answered(self, service: str, status: int, seconds: float, attempts: Sequence[Attempt]) -> None:
        """`attempts` are those that did not count."""
        self._requests[service, status] = self._requests.get((service, status), 0) + 1
        counts = self._seconds.get(service)
        if counts is None:
            counts = self._seconds[service] = [0.0] * (len(BUCKETS) + 2)
        counts[bisect_left(BUCKETS, seconds)] += 1
        counts[-1] += seconds
        for each in attempts:
            key = service, each.outcome
            self._attempts[key] = self._attempts.get(key, 0) + 1

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily("gateway_requests", "Requests answered", labels=["service", "status"])
        for (service, status), count in self._requests.items():
            requests.add_metric([service, str(status)], count)
        yield requests
        seconds = HistogramMetricFamily(
            "gateway_request_seconds", "From a request's head to its response's", labels=["service"]
        )
        for service, counts in self._seconds.items():
            seconds.add_metric([service], _cumulated(counts[:-1]), counts[-1])
        yield seconds
        failed = CounterMetricFamily(
            "gateway_failed_attempts", "Attempts that did not count", labels=["service", "outcome"]
        )
        for (service, outcome), count in self._attempts.items():
            failed.add_metric([service, outcome], count)
        yield failed


def _cumulated(counts: Sequence[float]) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    return list(zip(bounds, accumulate(counts), strict=True))


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
        in_flight = GaugeMetricFamily("gateway_in_flight", "Requests that instances are busy with", labels=["service"])
        for pool in self._resolver.pools.values():
            in_flight.add_metric([pool.service], sum(each.in_flight for each in pool.upstreams))
        yield in_flight
        tasks = GaugeMetricFamily("gateway_tasks", "Tasks of the event loop, a leak of which would show here")
        tasks.add_metric([], len(asyncio.all_tasks()))
        yield tasks
        hears = GaugeMetricFamily("gateway_registry_up", "1 while the registry answers")
        hears.add_metric([], float(self._resolver.hears_registry))
        yield hears
