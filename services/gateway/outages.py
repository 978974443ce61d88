"""How long each step of an outage took, from the last good answer of an instance to its next one, as histograms.

Steps: `failed` (the first attempt), `ejected` (out of rotation), `critical` and `gone` (as the registry told), `listed`
(registered again, perhaps by a new process), `answered` (the first good answer).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Histogram

from discovery.journal import Event

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

STEPS = {
    "instance_failed": "failed",
    "instance_ejected": "ejected",
    "instance_unlisted": "gone",
    "instance_dropped": "gone",
    "instance_listed": "listed",
    "instance_answered": "answered",
}


OPENING = frozenset({"failed", "ejected", "critical"})
"""Steps with which an outage can begin."""

KEPT = 1000
"""Outages that are open at once; of those that nobody ends the oldest go."""


@dataclass(slots=True)
class Outage:
    """One instance from its last good answer on."""

    since: datetime
    steps: set[str] = field(default_factory=set)


class Outages:
    """Told of every event. An instance is known by its ID, whichever process stands behind it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "gateway_outage_seconds",
            "From the last good answer of an instance to a step of its outage",
            ["service", "step"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._known: set[str] = set()
        self._open: dict[tuple[str, str], Outage] = {}

    def take(self, event: Event) -> None:
        step = _step(event)
        if step is None:
            return
        if event.service not in self._known:
            self._begin_at_zero(event.service)
        key = event.service, event.instance
        outage = self._open.get(key)
        if outage is None:
            if step not in OPENING:
                return  # it was well all the time, or left in good order
            if len(self._open) >= KEPT:
                del self._open[next(iter(self._open))]
            outage = self._open[key] = Outage(event.at - _ago(event))
        if step not in outage.steps:
            outage.steps.add(step)
            self._seconds.labels(event.service, step).observe((event.at - outage.since).total_seconds())
        if step == "answered":
            del self._open[key]

    def _begin_at_zero(self, service: str) -> None:
        """A rate sees a count rise, not one that begins at 1: a service's first outage would be none."""
        self._known.add(service)
        for step in {*OPENING, *STEPS.values()}:
            self._seconds.labels(service, step)


def _step(event: Event) -> str | None:
    if event.kind == "instance_health_changed":
        return "critical" if event.detail.get("health") == "critical" else None
    return STEPS.get(event.kind)


def _ago(event: Event) -> timedelta:
    """How long before the event the last good answer was, where that is known."""
    return timedelta(seconds=event.detail.get("last_good_seconds_ago") or 0.0)
