"""An outage is measured from the last good answer, each step once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from prometheus_client import CollectorRegistry

from discovery.errors import ConnectRefused
from discovery.instance import Instance
from discovery.journal import Event, Journal
from discovery.pool import Pool
from discovery.upstream import Upstream
from discovery.watch import Snapshot
from services.gateway.outages import Outages
from tests.fakes.clock import Clock
from tests.fakes.instances import NEWER_BOOT, instance

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


def test_a_pool_tells_all_steps_of_a_kill_and_a_return() -> None:
    """From what a pool records of itself, not from what this test makes up."""
    watched, clock = Watched(), Clock()
    journal = Journal(now=lambda: BEGIN + timedelta(seconds=clock()), on_event=watched.outages.take)
    pool = Pool("web", journal=journal, clock=clock, random=Random(1))

    def listed(*found: Instance) -> Upstream:
        pool.apply(Snapshot(found, continuous=True))
        return next(each for each in pool.upstreams if each.instance.id == "web-1")

    other = instance("web-2", port=9002)
    upstream = listed(instance(), other)
    pool.succeeded(upstream, 0.01)
    clock.now += 0.5
    pool.failed(upstream, ConnectRefused("connection refused"))
    clock.now += 0.5
    listed(instance(health="critical"), other)
    clock.now += 1.0
    again = listed(instance(boot=NEWER_BOOT), other)
    clock.now += 1.0
    pool.succeeded(again, 0.01)
    steps = ("failed", "ejected", "critical", "gone", "listed", "answered")
    assert [watched.sum(step) for step in steps] == [0.5, 0.5, 1.0, 2.0, 2.0, 3.0]
