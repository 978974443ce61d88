"""Those who are out of rotation are tried in the background, for as long as that can tell anything, and not longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import pytest

from discovery.ejection import IN_A_ROW, Cause
from discovery.errors import ConnectRefused, ResponseLate, ResponseLost
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.pool import Pool
from discovery.probe import Verdict
from discovery.prober import AT_ONCE, RATE, Prober
from discovery.upstream import Standing, Upstream
from discovery.watch import Snapshot
from tests.fakes.instances import instances
from tests.fakes.probe import ScriptedProbe
from tests.fakes.simulation import clock, simulated


@asynccontextmanager
async def probed(count: int = 2, probe: ScriptedProbe | None = None) -> AsyncIterator[tuple[Pool, ScriptedProbe]]:
    """A pool whose doubts are probed. At the end no task is left."""
    probe = probe or ScriptedProbe()
    prober = Prober(probe, random=Random(7))
    pool = Pool("web", journal=Journal(), clock=clock, random=Random(7), on_doubt=prober.doubt)
    pool.apply(Snapshot(tuple(instances(count)), False))
    before = asyncio.all_tasks()
    yield pool, probe
    await prober.aclose()
    assert asyncio.all_tasks() == before


def upstream(pool: Pool, instance_id: str = "web-1") -> Upstream:
    (found,) = (each for each in pool.upstreams if each.instance.id == instance_id)
    return found


async def asked_at(probe: ScriptedProbe, seconds: float) -> list[float]:
    """When, in seconds from now, questions were asked."""
    began, moments = clock(), []
    while clock() < began + seconds:
        before = len(probe.asked)
        await asyncio.sleep(0.01)
        moments += [round(clock() - began, 2)] * (len(probe.asked) - before)
    return moments


@simulated
async def test_one_that_refuses_is_tried_after_a_quarter_half_and_each_second() -> None:
    async with probed() as (pool, probe):
        probe.find("web-1", Verdict.REFUSED)
        pool.failed(upstream(pool), ConnectRefused("x"))
        moments = await asked_at(probe, 4)
        gaps = [after - before for before, after in pairwise([0.0, *moments])]
        assert gaps[:2] == [pytest.approx(0.22, abs=0.05), pytest.approx(0.45, abs=0.1)]
        assert all(0.7 < each < 1.1 for each in gaps[2:])


@simulated
async def test_it_is_back_with_the_first_good_answer_and_asked_no_more() -> None:
    async with probed() as (pool, probe):
        probe.find("web-1", Verdict.REFUSED, Verdict.STRANGER, Verdict.SILENT, Verdict.ANSWERS)
        pool.failed(upstream(pool), ConnectRefused("x"))
        await asyncio.sleep(3)
        assert upstream(pool).standing(clock()) is Standing.ADMITTED
        await asyncio.sleep(60)
        assert len(probe.asked) == 4


@simulated
async def test_one_that_is_out_again_is_tried_again_as_quickly() -> None:
    async with probed() as (pool, probe):
        probe.find("web-1", Verdict.ANSWERS)
        for _ in range(10):
            pool.failed(upstream(pool), ConnectRefused("x"))
            await asyncio.sleep(0.26)
            assert upstream(pool).ejection.is_admitting


@simulated
async def test_doubt_at_the_moment_of_the_good_answer_is_not_lost() -> None:
    """The probe finds it back, and in the same turn of the loop a request finds it gone again."""

    class Unlucky(ScriptedProbe):
        async def ask(self, instance: Instance) -> Verdict:
            if not self.asked:
                asyncio.get_running_loop().call_soon(pool.failed, upstream(pool), ConnectRefused("x"))
            return await super().ask(instance)

    async with probed(probe=Unlucky()) as (pool, probe):
        probe.find("web-1", Verdict.ANSWERS)
        pool.failed(upstream(pool), ConnectRefused("x"))
        await asyncio.sleep(5)
        assert upstream(pool).ejection.is_admitting
        assert len(probe.asked) == 2


@simulated
async def test_a_probe_that_breaks_does_not_end_the_probing() -> None:
    class Broken(ScriptedProbe):
        async def ask(self, instance: Instance) -> Verdict:
            await super().ask(instance)
            if len(self.asked) < 3:
                raise ValueError("a bug")
            return Verdict.ANSWERS

    async with probed(probe=Broken()) as (pool, _):
        pool.failed(upstream(pool), ConnectRefused("x"))
        await asyncio.sleep(5)
        assert upstream(pool).ejection.is_admitting


@simulated
async def test_one_that_hung_gets_a_request_to_decide_once_it_answers_a_probe() -> None:
    """SIGSTOP for a minute, then SIGCONT: back within seconds, though its ejection has grown long."""
    async with probed() as (pool, probe):
        found = upstream(pool)
        for _ in range(IN_A_ROW):
            pool.failed(found, ResponseLate("x"))
        for _ in range(6):
            await asyncio.sleep(max(0.0, found.ejection.until - clock()))
            pool.failed(found, ResponseLate("x"), found.begin(clock()))
        assert found.ejection.until > clock() + 5
        probe.find("web-1", Verdict.ANSWERS)
        await asyncio.sleep(1.1)
        assert found.standing(clock()) is Standing.ADMITTED
        pool.succeeded(found, 0.01, found.begin(clock()))
        await asyncio.sleep(2)
        before = len(probe.asked)
        await asyncio.sleep(60)
        assert len(probe.asked) == before


@pytest.mark.parametrize("failure", [None, ResponseLost("x")])
@simulated
async def test_one_that_answers_badly_is_not_probed(failure: ResponseLost | None) -> None:
    async with probed() as (pool, probe):
        for _ in range(IN_A_ROW):
            pool.failed(upstream(pool), failure)
        await asyncio.sleep(10)
        assert probe.asked == []


@simulated
async def test_what_the_registry_lost_is_asked_until_it_is_found_gone() -> None:
    async with probed() as (pool, probe):
        probe.find("web-1", Verdict.ANSWERS)
        probe.find("web-2", Verdict.SILENT, Verdict.ANSWERS, Verdict.REFUSED)
        pool.apply(Snapshot((), True))
        await asyncio.sleep(30)
        assert [each.instance.id for each in pool.upstreams] == ["web-1"]
        assert len([each for each in probe.asked if each.id == "web-2"]) == 3
        assert len(probe.asked) - 3 == pytest.approx(34, abs=3), "the other one is watched on"


@simulated
async def test_what_the_registry_lists_again_is_asked_no_more() -> None:
    async with probed() as (pool, probe):
        probe.find("web-1", Verdict.ANSWERS)
        probe.find("web-2", Verdict.ANSWERS)
        pool.apply(Snapshot((), True))
        await asyncio.sleep(2)
        pool.apply(Snapshot(tuple(instances(2)), True))
        await asyncio.sleep(1)
        before = len(probe.asked)
        await asyncio.sleep(60)
        assert len(probe.asked) == before


@simulated
async def test_what_left_the_pool_is_asked_no_more() -> None:
    async with probed() as (pool, probe):
        probe.find("web-1", Verdict.REFUSED)
        pool.failed(upstream(pool), ConnectRefused("x"))
        await asyncio.sleep(1)
        pool.apply(Snapshot((instances(2)[1],), True))
        await asyncio.sleep(1)
        before = len(probe.asked)
        await asyncio.sleep(60)
        assert len(probe.asked) == before


@simulated
async def test_what_is_remembered_is_asked_at_once() -> None:
    async with probed(0) as (pool, probe):
        probe.find("web-1", Verdict.ANSWERS)
        pool.remember(instances(1))
        await asyncio.sleep(0.01)
        assert len(probe.asked) == 1
        assert upstream(pool).ejection.cause is None


@simulated
async def test_what_is_remembered_and_silent_waits_behind_the_bar() -> None:
    async with probed(0) as (pool, probe):
        pool.remember(instances(1))
        await asyncio.sleep(5)
        assert upstream(pool).ejection.cause is Cause.UNPROVEN
        assert pool.choose() is None
        await asyncio.sleep(60)
        assert pool.upstreams == (), "and is not asked for ever"
        assert len(probe.asked) < 15


@simulated
async def test_each_is_asked_by_one_task_only_however_often_it_is_doubted() -> None:
    async with probed() as (pool, probe):
        probe.find("web-1", Verdict.REFUSED)
        for number in range(100):
            pool.failed(upstream(pool), ConnectRefused("x"))
            pool.apply(Snapshot(tuple(instances(2)) if number % 2 else (), True))
        await asyncio.sleep(10)
        assert len([each for each in probe.asked if each.id == "web-1"]) <= 12


@simulated
async def test_closing_ends_all_tasks_at_once() -> None:
    began = clock()
    async with probed(50) as (pool, _):
        pool.apply(Snapshot((), True))
        await asyncio.sleep(0)
    assert clock() == began


# A crowd: a registry that came back empty, and thousands that it has lost


class Slow(ScriptedProbe):
    """Takes its time; `most` is how many were asked at once, `moments` when each was."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.most = self.under_way = 0
        self.moments: list[float] = []
        self._seconds = seconds

    async def ask(self, instance: Instance) -> Verdict:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.moments.append(clock())
        try:
            await asyncio.sleep(self._seconds)
            return await super().ask(instance)
        finally:
            self.under_way -= 1

    def busiest(self, seconds: float) -> int:
        """The most questions in any stretch of so many seconds."""
        return max(sum(begin <= each < begin + seconds for each in self.moments) for begin in self.moments[::50])


@pytest.mark.parametrize("seconds", [0.001, 1.0], ids=["answering", "silent"])
@simulated
async def test_two_thousand_in_doubt_are_all_asked_in_time_and_few_at_once(seconds: float) -> None:
    count = 2000
    async with probed(count, Slow(seconds)) as (pool, probe):
        assert isinstance(probe, Slow)
        for each in pool.upstreams:
            probe.find(each.instance.id, Verdict.ANSWERS)
        pool.apply(Snapshot((), True))
        await asyncio.sleep(max(2 * count / RATE, 2 * count * seconds / AT_ONCE))
        assert {each.id for each in probe.asked} == {each.instance.id for each in pool.upstreams}
        assert probe.most <= AT_ONCE
        assert probe.busiest(1.0) < 2 * RATE


@simulated
async def test_two_thousand_of_a_former_life_are_not_asked_all_at_once_either() -> None:
    async with probed(0, Slow(0.001)) as (pool, probe):
        assert isinstance(probe, Slow)
        for each in instances(2000):
            probe.find(each.id, Verdict.ANSWERS)
        pool.remember(instances(2000))
        await asyncio.sleep(2 * 2000 / RATE)
        assert all(each.ejection.is_admitting for each in pool.upstreams)
        assert probe.busiest(1.0) < 2 * RATE


@simulated
async def test_those_who_fell_into_doubt_together_are_not_asked_together_for_ever() -> None:
    async with probed(100, Slow(0.001)) as (pool, probe):
        assert isinstance(probe, Slow)
        for each in pool.upstreams:
            probe.find(each.instance.id, Verdict.ANSWERS)
        pool.apply(Snapshot((), True))
        await asyncio.sleep(30)
        probe.moments.clear()
        await asyncio.sleep(5)
        assert probe.busiest(0.1) < 50


@simulated
async def test_what_is_out_of_doubt_when_its_turn_comes_is_not_asked() -> None:
    async with probed(2 * AT_ONCE, Slow(1.0)) as (pool, probe):
        pool.apply(Snapshot((), True))
        await asyncio.sleep(0.5)
        pool.apply(Snapshot(tuple(instances(2 * AT_ONCE)), True))
        await asyncio.sleep(5)
        assert len(probe.asked) == AT_ONCE
