"""Many alarms, one timer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from discovery.alarms import SLOT, Alarms
from tests.fakes.simulation import SimulatedLoop, clock, simulated

ALMOST = 0.001


@dataclass(eq=False)
class Sleeper:
    breaks: bool = False
    woken: list[float] = field(default_factory=list)

    def ring(self) -> None:
        self.woken.append(clock())
        if self.breaks:
            raise RuntimeError("out of bed on the wrong side")


@simulated
async def test_it_rings_at_its_time_and_once() -> None:
    alarms, sleeper, at = Alarms(clock), Sleeper(), clock() + 0.0371
    alarms.set(sleeper, at)
    await asyncio.sleep(1)
    (woken,) = sleeper.woken
    assert at - ALMOST <= woken <= at + ALMOST


@simulated
async def test_one_that_was_taken_back_does_not_ring_and_leaves_nothing() -> None:
    alarms, sleeper = Alarms(clock), Sleeper()
    alarms.take_back(sleeper, alarms.set(sleeper, clock() + 0.1))
    await asyncio.sleep(1)
    assert sleeper.woken == []
    assert alarms.waiting == 0


@simulated
async def test_taking_back_what_has_rung_changes_nothing() -> None:
    alarms, sleeper, other = Alarms(clock), Sleeper(), Sleeper()
    slot = alarms.set(sleeper, clock() + 0.1)
    alarms.set(other, clock() + 0.1 + SLOT / 10)
    await asyncio.sleep(0.1 + SLOT / 20)
    alarms.take_back(sleeper, slot)
    await asyncio.sleep(1)
    assert len(other.woken) == 1


@simulated
async def test_an_earlier_one_that_is_set_later_rings_first() -> None:
    alarms, late, early, now = Alarms(clock), Sleeper(), Sleeper(), clock()
    alarms.set(late, now + 10)
    alarms.set(early, now + 0.02)
    await asyncio.sleep(11)
    assert early.woken[0] - now < 0.03
    assert late.woken[0] - now >= 10 - ALMOST


@simulated
async def test_a_time_that_has_passed_rings_at_once() -> None:
    alarms, sleeper = Alarms(clock), Sleeper()
    alarms.set(sleeper, clock() - 5)
    await asyncio.sleep(ALMOST)
    assert len(sleeper.woken) == 1


def test_one_that_breaks_keeps_no_other_asleep() -> None:
    broken, sound, later = Sleeper(breaks=True), Sleeper(), Sleeper()

    async def wake() -> None:
        alarms, now = Alarms(clock), clock()
        for sleeper, at in ((broken, 0.1), (sound, 0.1), (later, 0.2)):
            alarms.set(sleeper, now + at)
        await asyncio.sleep(1)

    loop = SimulatedLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(wake())
    assert [len(each.woken) for each in (broken, sound, later)] == [1, 1, 1]
    assert len(loop.complaints) == 1


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=40))
def test_all_that_are_not_taken_back_ring_in_their_order(wanted: list[tuple[float, bool]]) -> None:
    @simulated
    async def wake() -> None:
        alarms, now = Alarms(clock), clock()
        sleepers = [(Sleeper(), now + after, stays) for after, stays in wanted]
        slots = [alarms.set(sleeper, at) for sleeper, at, _ in sleepers]
        for (sleeper, _, stays), slot in zip(sleepers, slots, strict=True):
            if not stays:
                alarms.take_back(sleeper, slot)
        await asyncio.sleep(4)
        for sleeper, at, stays in sleepers:
            assert len(sleeper.woken) == stays
            assert all(abs(woken - at) <= ALMOST for woken in sleeper.woken)
        assert alarms.waiting == 0

    wake()
