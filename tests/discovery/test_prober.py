"""Those who are out of rotation are tried in the background, for as long as that can tell anything, and not longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from discovery.ejection import IN_A_ROW, Cause
from discovery.errors import ConnectRefused, ResponseLate, ResponseLost
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.pool import Pool
from discovery.probe import Verdict
from discovery.prober import Prober
from discovery.upstream import Standing, Upstream
from discovery.watch import Snapshot
from tests.fakes.instances import instances
from tests.fakes.probe import ScriptedProbe
from tests.fakes.simulation import clock, simulated


@asynccontextmanager
async def probed(count: int = 2, probe: ScriptedProbe | None = None) -> AsyncIterator[tuple[Pool, ScriptedProbe]]:
    """A pool whose doubts are probed. At the end no task is left."""
    probe = probe or ScriptedProbe()
    prober = Prober(probe)
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
        moments += [round(clock() - began, 1)] * (len(probe.asked) - before)
    return moments


@simulated
async def test_one_that_refuses_is_tried_after_a_quarter_half_and_each_second() -> None:
    async with probed() as (pool, probe):
        probe.find("web-1", Verdict.REFUSED)
        pool.failed(upstream(pool), ConnectRefused("x"))
        moments = await asked_at(probe, 4)
        assert moments == pytest.approx([0.3, 0.8, 1.8, 2.8, 3.8], abs=0.1)


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
        assert len(probe.asked) - 3 == pytest.approx(30, abs=2), "the other one is watched on"


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
