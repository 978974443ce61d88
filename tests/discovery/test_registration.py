"""One instance stays registered, whatever happens to Consul, and takes out only what is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.documents import Entry, Registration
from discovery.errors import RegistryGarbled, RegistryRefused, RegistryUnreachable
from discovery.instance import Instance
from discovery.registration import Registrar, Standing, new_boot_id, standing
from discovery.server import WITHDRAWAL
from tests.fakes.agent import FakeAgent
from tests.fakes.instances import BOOT, NEWER_BOOT, instance
from tests.fakes.simulation import clock, simulated

MINE = Registration(instance(boot=NEWER_BOOT, tags=("urlprefix-/web",)), "http://10.0.0.1:9000/livez")
OLDER = replace(MINE.instance, meta={"boot_id": BOOT})
NEWEST = replace(MINE.instance, port=9999, meta={"boot_id": NEWER_BOOT + "f"})


async def answers() -> bool:
    return True


async def is_silent() -> bool:
    return False


async def is_alive(_: Instance) -> bool:
    return True


async def is_a_ghost(_: Instance) -> bool:
    return False


def registrar(
    agent: FakeAgent,
    probe: Callable[[], Awaitable[bool]] = answers,
    alive: Callable[[Instance], Awaitable[bool]] = is_alive,
) -> Registrar:
    return Registrar(agent, MINE, probe=probe, is_alive=alive, random=Random(7), clock=clock)


@asynccontextmanager
async def kept(agent: FakeAgent, seconds: float = 1.0) -> AsyncIterator[Registrar]:
    """A registrar that has been at it for a while and stays at it."""
    found = registrar(agent)
    task = asyncio.create_task(found.keep())
    try:
        await asyncio.sleep(seconds)
        yield found
        assert not task.done(), "keeping ends only when it is cancelled"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def boot_of(agent: FakeAgent) -> str:
    return agent.entries["web-1"].instance.boot_id


# Whose is the record?


@pytest.mark.parametrize(
    ("found", "meaning"),
    [
        (None, Standing.LOST),
        (MINE.instance, Standing.OURS),
        (OLDER, Standing.LOST),
        (NEWEST, Standing.SUCCEEDED),
        (replace(NEWEST, port=MINE.instance.port), Standing.LOST),  # a clock was wrong: we hold the port
        (replace(MINE.instance, meta={}), Standing.LOST),
        (replace(MINE.instance, port=1), Standing.LOST),
        (replace(MINE.instance, address="10.0.0.2"), Standing.LOST),
        (replace(MINE.instance, tags=()), Standing.LOST),
        (replace(MINE.instance, service="other"), Standing.LOST),
        (replace(MINE.instance, health="critical", weight=3), Standing.OURS),
    ],
)
def test_what_the_record_means(found: Instance | None, meaning: Standing) -> None:
    assert standing(Entry(found, "hash") if found else None, MINE) is meaning


@given(st.floats(1.7e9, 5e9), st.floats(0.002, 1e6), st.integers(), st.integers())
def test_boots_sort_by_their_start(started: float, later: float, seed: int, other: int) -> None:
    first, second = new_boot_id(started, Random(seed)), new_boot_id(started + later, Random(other))
    assert first < second
    assert len(first) == len(second) == 28


def test_two_boots_at_the_same_moment_differ() -> None:
    assert new_boot_id(1.8e9, Random(1)) != new_boot_id(1.8e9, Random(2))


# Keeping


@simulated
async def test_it_registers_at_once_and_then_only_waits() -> None:
    agent = FakeAgent()
    async with kept(agent, seconds=0.1) as found:
        assert found.registered.is_set()
        assert agent.health["web-1"] == "passing"
        await asyncio.sleep(3600)
        assert agent.calls["register"] == 1
        assert agent.calls["entry"] < 70, "one question a minute"


@simulated
async def test_one_that_does_not_answer_itself_yet_registers_as_critical() -> None:
    agent = FakeAgent()
    task = asyncio.create_task(registrar(agent, is_silent).keep())
    await asyncio.sleep(0.1)
    assert agent.health["web-1"] == "critical"
    task.cancel()


@simulated
async def test_forgotten_it_is_back_within_milliseconds() -> None:
    agent = FakeAgent()
    async with kept(agent):
        agent.forget()
        await asyncio.sleep(0.05)
        assert boot_of(agent) == NEWER_BOOT


@simulated
async def test_an_agent_that_comes_back_empty_has_it_again_within_a_second() -> None:
    agent = FakeAgent()
    async with kept(agent) as found:
        agent.forget(trouble=RegistryUnreachable("down"))
        await asyncio.sleep(300)
        assert agent.calls["entry"] < 3 * 300, "no storm while it is down"
        agent.trouble = None
        await asyncio.sleep(1.1)
        assert boot_of(agent) == NEWER_BOOT
        assert found.registered.is_set()


@simulated
async def test_an_agent_that_is_away_at_the_start_is_waited_for() -> None:
    agent = FakeAgent()
    agent.trouble = RegistryUnreachable("not yet")
    async with kept(agent, seconds=60) as found:
        assert not found.registered.is_set()
        agent.trouble = None
        await asyncio.sleep(1.1)
        assert found.registered.is_set()


@simulated
async def test_an_agent_that_refuses_is_asked_every_few_seconds_only() -> None:
    agent = FakeAgent()
    agent.trouble = RegistryRefused("403")
    async with kept(agent, seconds=60):
        before = agent.calls["entry"]
        await asyncio.sleep(600)
        assert 60 <= agent.calls["entry"] - before <= 200
        agent.trouble = None
        await asyncio.sleep(10.1)
        assert boot_of(agent) == NEWER_BOOT


@simulated
async def test_nonsense_is_waited_out_too() -> None:
    agent = FakeAgent()
    agent.trouble = RegistryGarbled("half a document")
    async with kept(agent, seconds=60):
        agent.trouble = None
        await asyncio.sleep(1.1)
        assert boot_of(agent) == NEWER_BOOT


@simulated
async def test_the_entry_of_an_older_boot_is_replaced() -> None:
    agent = FakeAgent()
    agent.put(OLDER)
    async with kept(agent):
        assert boot_of(agent) == NEWER_BOOT


@simulated
async def test_the_entry_of_a_newer_boot_is_left_alone() -> None:
    agent = FakeAgent()
    async with kept(agent) as found:
        agent.put(NEWEST)
        await asyncio.sleep(600)
        assert boot_of(agent) == NEWEST.boot_id
        assert agent.calls["register"] == 1
        assert not found.registered.is_set()


@simulated
async def test_a_ghost_that_looks_newer_is_replaced() -> None:
    """Started again on another port, with a clock that went back; what was killed is still in the registry."""
    agent = FakeAgent()
    agent.put(NEWEST)
    task = asyncio.create_task(registrar(agent, alive=is_a_ghost).keep())
    await asyncio.sleep(0.1)
    assert agent.entries["web-1"].instance == MINE.instance
    task.cancel()


@simulated
async def test_one_that_turns_into_a_ghost_is_replaced_too() -> None:
    agent, living = FakeAgent(), True
    agent.put(NEWEST)

    async def alive(other: Instance) -> bool:
        assert other == NEWEST
        return living

    task = asyncio.create_task(registrar(agent, alive=alive).keep())
    await asyncio.sleep(70)
    assert boot_of(agent) == NEWEST.boot_id
    living = False
    await asyncio.sleep(70)
    assert boot_of(agent) == NEWER_BOOT
    task.cancel()


@simulated
async def test_when_the_successor_is_gone_it_registers_again() -> None:
    agent = FakeAgent()
    async with kept(agent) as found:
        agent.put(NEWEST)
        await asyncio.sleep(1)
        agent.forget()
        await asyncio.sleep(1)
        assert boot_of(agent) == NEWER_BOOT
        assert found.registered.is_set()


@simulated
async def test_tags_that_somebody_changed_are_put_right() -> None:
    agent = FakeAgent()
    async with kept(agent):
        agent.put(replace(MINE.instance, tags=()))
        await asyncio.sleep(0.5)
        assert agent.entries["web-1"].instance.tags == MINE.instance.tags


@simulated
async def test_a_fight_over_the_entry_is_no_busy_loop() -> None:
    """Two processes with one ID, or somebody who edits our entry again and again."""
    agent = FakeAgent()

    async def fight() -> None:
        while True:
            agent.put(OLDER)
            await asyncio.sleep(0.01)

    async with kept(agent):
        fighting = asyncio.create_task(fight())
        before = agent.calls["register"]
        await asyncio.sleep(60)
        fighting.cancel()
        assert agent.calls["register"] - before <= 10 + 5 * 60


@simulated
async def test_a_server_that_takes_everything_and_keeps_nothing_is_no_busy_loop() -> None:
    agent = FakeAgent()
    agent.is_deaf = True
    began = clock()
    async with kept(agent, seconds=60):
        assert agent.calls["register"] <= 10 + 5 * (clock() - began)


@simulated
async def test_an_agent_that_does_not_block_is_no_busy_loop() -> None:
    class Impatient(FakeAgent):
        async def entry(self, instance_id: str, *, content_hash: str = "", wait: float = 60.0) -> Entry | None:
            del content_hash
            return await super().entry(instance_id, content_hash="", wait=wait)

    agent = Impatient()
    async with kept(agent, seconds=60):
        assert agent.calls["entry"] <= 10 + 5 * 61


# Leaving


@simulated
async def test_it_takes_out_its_own_entry() -> None:
    agent = FakeAgent()
    async with kept(agent) as found:
        pass
    await found.withdraw()
    assert agent.entries == {}
    assert not found.registered.is_set()


@pytest.mark.parametrize("other", [OLDER, NEWEST, replace(MINE.instance, meta={})])
@simulated
async def test_it_takes_out_nobody_elses(other: Instance) -> None:
    agent = FakeAgent()
    agent.put(other)
    await registrar(agent).withdraw()
    assert agent.entries["web-1"].instance == other
    assert agent.calls["deregister"] == 0


@simulated
async def test_with_no_entry_there_is_nothing_to_take_out() -> None:
    agent = FakeAgent()
    await registrar(agent).withdraw()
    assert agent.calls["deregister"] == 0


@simulated
async def test_when_the_agent_is_away_it_says_so() -> None:
    agent = FakeAgent()
    agent.trouble = RegistryUnreachable("down")
    with pytest.raises(RegistryUnreachable):
        await registrar(agent).withdraw()


@asynccontextmanager
async def told_to_leave_while_registering(agent: FakeAgent, seconds: float) -> AsyncIterator[Registrar]:
    """Its registration lands that much later, and keeping has ended already."""
    agent.lands_after = seconds
    found = registrar(agent)
    task = asyncio.create_task(found.keep())
    while not agent.calls["register"]:
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    before = asyncio.all_tasks() - {task}
    yield found
    await asyncio.sleep(60)
    assert asyncio.all_tasks() <= before, "nothing is left that could register once more"


@pytest.mark.parametrize("seconds", [0.002, 0.1, 0.25, 0.6, 1.5])
@simulated
async def test_a_registration_that_lands_late_leaves_no_ghost(seconds: float) -> None:
    agent = FakeAgent()
    async with told_to_leave_while_registering(agent, seconds) as found:
        async with asyncio.timeout(WITHDRAWAL):
            await found.withdraw()
        assert agent.entries == {}
    assert agent.entries == {}


@simulated
async def test_one_that_does_not_land_is_not_waited_for_longer_than_there_is_time() -> None:
    agent = FakeAgent()
    async with told_to_leave_while_registering(agent, 3600) as found:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(WITHDRAWAL):
                await found.withdraw()
        assert 1 < agent.calls["deregister"] < 10
