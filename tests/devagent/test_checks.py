"""When checks run, with sleeps that end when the test says so."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from discovery.devagent.agent import Agent
from discovery.devagent.checks import Checks
from discovery.devagent.entries import Check, Registration, Service, Verdict
from discovery.devagent.watches import Watches
from tests.devagent.values import CRITICAL, PASSING, Bench, check


class Stage:
    """Sleeps last until `wake`; probes say what they are told, and are counted."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.probed: list[str] = []
        self.reported: list[tuple[str, Verdict]] = []
        self.verdict = PASSING
        self._sleeping: deque[asyncio.Future[None]] = deque()
        self.checks = Checks(self._probe, self._report, random=lambda: 0.25, sleep=self._sleep)

    async def wake(self) -> None:
        """End every sleep, and let what follows run until all sleep again."""
        for _ in range(len(self._sleeping)):
            sleeper = self._sleeping.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
        await settle()

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._sleeping.append(asyncio.get_running_loop().create_future())
        await self._sleeping[-1]

    async def _probe(self, one: Check) -> Verdict:
        self.probed.append(one.id)
        return self.verdict

    def _report(self, check_id: str, verdict: Verdict) -> None:
        self.reported.append((check_id, verdict))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_first_run_is_somewhere_in_the_interval_and_the_others_follow_it() -> None:
    stage = Stage()
    stage.checks.start([check("c")])
    await settle()
    assert (stage.slept, stage.probed) == ([0.25], [])
    await stage.wake()
    await stage.wake()
    assert stage.slept == [0.25, 1.0, 1.0]
    assert stage.reported == [("c", PASSING)] * 2
    await stage.checks.aclose()


async def test_a_check_that_is_started_again_runs_once_at_a_time() -> None:
    stage = Stage()
    for _ in range(3):
        stage.checks.start([check("c")])
        await settle()
    await stage.wake()
    assert stage.probed == ["c"]
    await stage.checks.aclose()


async def test_a_check_that_is_stopped_reports_no_more() -> None:
    stage = Stage()
    stage.checks.start([check("c"), check("d")])
    await settle()
    stage.checks.stop(["c", "unknown"])
    await stage.wake()
    assert stage.probed == ["d"]
    await stage.checks.aclose()
    await stage.wake()
    assert stage.probed == ["d"]


async def test_a_probe_that_breaks_is_critical_and_the_next_run_comes() -> None:
    async def broken(_check: Check) -> Verdict:
        raise LookupError("a fault of our own")

    stage = Stage()
    checks = Checks(broken, stage._report, random=lambda: 0, sleep=stage._sleep)
    checks.start([check("c")])
    await settle()
    await stage.wake()
    await stage.wake()
    assert [verdict.status for _, verdict in stage.reported] == ["critical", "critical"]
    await checks.aclose()


@pytest.fixture
async def agent() -> Agent:
    bench, stage = Bench(), Stage()
    agent = Agent(bench.catalog, stage.checks, Watches(), random=lambda: 0)
    agent.register(Registration(Service("shop-1", "shop"), (check("c", deregister_after=60),)), replace_checks=True)
    bench.catalog.report("c", CRITICAL)
    bench.now += 61
    return agent


async def test_housekeeping_forgets_who_is_critical_for_too_long(agent: Agent) -> None:
    agent.tidy()
    assert agent.catalog.find("shop-1") is None
    await agent.aclose()


async def test_housekeeping_lets_others_be(agent: Agent) -> None:
    agent.catalog.report("c", PASSING)
    agent.tidy()
    assert agent.catalog.find("shop-1") is not None
    await agent.aclose()
