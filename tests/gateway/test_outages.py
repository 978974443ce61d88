"""An outage is measured from the last good answer, each step once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry

from discovery.journal import Event
from services.gateway.outages import Outages

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = ("failed", "ejected", "critical", "gone", "listed", "answered")


class Watched:
    """Outages with a registry to look into."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.outages = Outages(self.registry)

    def tell(self, seconds: float, kind: str, instance: str = "web-1", **detail: object) -> None:
        self.outages.take(Event(1, BEGIN + timedelta(seconds=seconds), kind, "web", instance, detail))

    def sum(self, step: str) -> float | None:
        return self.registry.get_sample_value("gateway_outage_seconds_sum", {"service": "web", "step": step})

    def count(self, step: str) -> float | None:
        return self.registry.get_sample_value("gateway_outage_seconds_count", {"service": "web", "step": step})


def test_all_steps_count_from_the_last_good_answer() -> None:
    watched = Watched()
    watched.tell(10.0, "instance_failed", last_good_seconds_ago=0.5)
    watched.tell(10.0, "instance_ejected")
    watched.tell(10.5, "instance_health_changed", health="critical")
    watched.tell(11.5, "instance_dropped")
    watched.tell(12.5, "instance_listed")
    watched.tell(13.5, "instance_answered")
    assert [watched.sum(step) for step in STEPS] == [0.5, 0.5, 1.0, 2.0, 3.0, 4.0]


def test_a_step_counts_once_in_an_outage() -> None:
    watched = Watched()
    for second in (1.0, 2.0, 3.0):
        watched.tell(second, "instance_ejected")
    assert watched.count("ejected") == 1
    watched.tell(4.0, "instance_answered")
    watched.tell(5.0, "instance_ejected")
    assert watched.count("ejected") == 2


def test_an_instance_that_comes_and_answers_has_no_outage() -> None:
    watched = Watched()
    watched.tell(1.0, "instance_listed")
    watched.tell(2.0, "instance_answered")
    watched.tell(3.0, "instance_health_changed", health="passing")
    assert watched.count("listed") == 0
    assert watched.count("answered") == 0


def test_outages_of_two_instances_do_not_mix() -> None:
    watched = Watched()
    watched.tell(1.0, "instance_ejected")
    watched.tell(5.0, "instance_ejected", instance="web-2")
    watched.tell(6.0, "instance_answered", instance="web-2")
    assert watched.sum("answered") == 1.0


def test_leaving_in_good_order_is_no_outage() -> None:
    watched = Watched()
    watched.tell(1.0, "instance_dropped", why="deregistered")
    watched.tell(3600.0, "instance_listed")
    watched.tell(3601.0, "instance_answered")
    assert all(watched.count(step) == 0 for step in ("gone", "listed", "answered"))


def test_the_first_outage_is_a_rise() -> None:
    """The rate of a count that begins at 1 is 0: each step is there, at 0, before anything can break."""
    watched = Watched()
    assert watched.count("ejected") is None
    watched.tell(1.0, "instance_listed")
    assert [watched.count(step) for step in STEPS] == [0] * len(STEPS)
    watched.tell(2.0, "instance_ejected")
    assert watched.count("ejected") == 1
