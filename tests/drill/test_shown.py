"""What people are shown of a drill."""

from __future__ import annotations

from mesh.drill.growth import Growth, Holdings
from mesh.drill.shown import holdings, steps
from mesh.drill.timeline import TimeLine
from tests.drill.seen import outcome


def test_steps_are_told_in_the_order_in_which_they_came_and_none_that_did_not() -> None:
    line = TimeLine(last_good_answer=-10.9, out_of_rotation=55.4, critical=51.9, first_answer=7208.6)
    said = steps(outcome(timeline=line, rediscovered_ms=144.3, load=1.02))
    assert said.splitlines() == [
        "last good answer -11 ms > critical 52 ms > out of rotation 55 ms > first answer 7.2 s",
        "open port to first answer 144 ms, 1.02 times the load reached the instances",
    ]


def test_where_nothing_was_reached_nothing_is_told() -> None:
    assert steps(outcome(timeline=TimeLine(), rediscovered_ms=None)) == ""


def test_what_the_gateway_held_before_and_after_is_told_and_memory_only_where_it_is_compared() -> None:
    before, after = Holdings(tasks=7, descriptors=18, memory=70_000_000), Holdings(tasks=8, descriptors=18)
    assert holdings(Growth(before, after)) == (
        "the gateway at rest: 0 requests in flight, 0 clients, 7 > 8 tasks, 18 > 18 file descriptors"
    )
    assert holdings(Growth(before, before, warm=True)).endswith("0 > 0 connections to instances, 70.0 > 70.0 MB")
