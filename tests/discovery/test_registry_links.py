"""A real registry behind a link that is slow, cut, or dead without a word: nothing is forgotten, and all is learnt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import Random

import pytest

from discovery.addresses import Forbidden
from discovery.consul import Consul
from discovery.documents import Registration
from discovery.errors import RegistryUnreachable
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.probe import Verdict
from discovery.registration import Registrar
from discovery.resolver import Resolver
from discovery.settings import ConsulSettings
from tests.fakes.instances import instance
from tests.fakes.link import Link, link
from tests.fakes.probe import ScriptedProbe
from tests.registries import DEADLINE, Registry

WAIT, PATIENCE = 0.5, 0.5
"""Instead of a minute and five seconds."""

NOTICED = WAIT * 17 / 16 + PATIENCE
"""Seconds after which a question that nobody answers is given up."""


class Far:
    """A resolver on this side of a link; on the other one a registry, and those who speak with it without a link."""

    def __init__(self, resolver: Resolver, way: Link, consul: Consul, linked: Consul, probe: ScriptedProbe) -> None:
        self.resolver = resolver
        self.way = way
        self.consul = consul
        self.linked = linked
        self.probe = probe

    @property
    def ids(self) -> set[str]:
        return {each.instance.id for each in self.resolver.pools["web"].upstreams}

    @property
    def is_stale(self) -> bool:
        return self.resolver.pools["web"].stale_since is not None

    def knows(self, ids: set[str]) -> bool:
        return self.ids == ids

    async def register(self, *ids: str) -> None:
        for each in ids:
            await self.consul.register(registration(each))


def registration(instance_id: str) -> Registration:
    """Its check does not run before the test is over."""
    who = instance(instance_id, address="127.0.0.1", tags=("urlprefix-/web",))
    return Registration(who, "http://127.0.0.1:9/livez", interval=3600)


async def until(condition: Callable[[], object]) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


@asynccontextmanager
async def far(registry: Registry, *listed: str, patience: float = PATIENCE) -> AsyncIterator[Far]:
    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(link(registry.port))
        consul = await stack.enter_async_context(Consul(ConsulSettings(http_addr=registry.address)))
        settings = ConsulSettings(http_addr=f"127.0.0.1:{way.port}")
        linked = await stack.enter_async_context(Consul(settings, patience=patience))
        probe = ScriptedProbe()
        resolver = await stack.enter_async_context(
            Resolver(
                linked,
                probe,
                journal=Journal(),
                clock=time.monotonic,
                random=Random(7),
                forbidden=Forbidden(),
                wait=WAIT,
            )
        )
        made = Far(resolver, way, consul, linked, probe)
        await made.register(*listed)
        resolver.follow_routed()
        await until(lambda: "web" in resolver.pools and made.ids == set(listed))
        yield made


async def test_a_query_whose_connection_dies_without_a_word_is_noticed_and_nothing_forgotten(
    registry: Registry,
) -> None:
    async with far(registry, "web-1", "web-2") as at:
        at.way.go_dark()
        assert await until(lambda: at.is_stale) < NOTICED + 1
        assert not at.resolver.hears_registry
        assert at.ids == {"web-1", "web-2"}
        await at.register("web-3")
        await at.consul.deregister("web-1")
        at.probe.find("web-1", Verdict.REFUSED)
        await asyncio.sleep(2 * NOTICED)
        assert at.ids == {"web-1", "web-2"}, "what cannot be heard changes nothing"
        await at.way.heal()
        assert await until(lambda: at.ids == {"web-2", "web-3"}) < NOTICED + 3
        assert (at.resolver.hears_registry, at.is_stale) == (True, False)


async def test_while_it_is_dark_the_registry_is_not_stormed(registry: Registry) -> None:
    async with far(registry, "web-1") as at:
        at.way.go_dark()
        await until(lambda: at.is_stale)
        before = at.way.connections
        await asyncio.sleep(3)
        assert at.way.connections - before <= 2 * (3 / PATIENCE + 1), "two watches, each a connection for each question"


async def test_a_slow_link_makes_news_late_and_nothing_else(registry: Registry) -> None:
    async with far(registry, "web-1", patience=5.0) as at:
        at.way.delay(0.3)
        await at.register("web-2")
        assert await until(lambda: at.ids == {"web-1", "web-2"}) < WAIT + 3
        await at.consul.deregister("web-1")
        assert await until(lambda: at.ids == {"web-2"}) < WAIT + 3
        assert at.resolver.hears_registry
        assert at.probe.asked == [], "and nobody was doubted for it"


async def test_a_link_that_is_cut_and_mended_again_and_again_costs_nothing(registry: Registry) -> None:
    async with far(registry, "web-1") as at:
        for number in range(2, 5):
            at.way.cut()
            await until(lambda: at.is_stale)
            assert "web-1" in at.ids
            await at.register(f"web-{number}")
            await at.way.heal()
            await until(partial(at.knows, {f"web-{n}" for n in range(1, number + 1)}))
        assert not at.is_stale


async def test_an_answer_that_is_cut_off_in_the_middle_is_no_answer(registry: Registry) -> None:
    async with far(registry, "web-1", "web-2") as at:
        at.way.cut_after(300)
        await at.register("web-3")
        await until(lambda: at.is_stale)
        assert at.ids == {"web-1", "web-2"}
        await at.way.heal()
        await until(lambda: at.ids == {"web-1", "web-2", "web-3"})


# An instance and its registry


@asynccontextmanager
async def kept(at: Far, who: Registration) -> AsyncIterator[Registrar]:
    """Registered, and kept so until the end."""
    registrar = Registrar(at.linked, who, probe=_answers, is_alive=_is_alive, random=Random(7), wait=WAIT)
    keeping = asyncio.create_task(registrar.keep())
    try:
        await until(registrar.registered.is_set)
        yield registrar
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _answers() -> bool:
    return True


async def _is_alive(_: Instance) -> bool:
    return True


async def _is_registered(at: Far, instance_id: str) -> bool:
    return await at.consul.entry(instance_id) is not None


async def eventually(look: Callable[[], Awaitable[bool]]) -> float:
    began = time.monotonic()
    async with asyncio.timeout(DEADLINE):
        while not await look():
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.parametrize("hurt", [Link.go_dark, Link.cut])
async def test_one_that_is_forgotten_while_it_cannot_hear_registers_again(
    registry: Registry, hurt: Callable[[Link], None]
) -> None:
    async with far(registry, "web-1") as at, kept(at, registration("web-2")):
        await until(lambda: "web-2" in at.ids)
        hurt(at.way)
        await at.consul.deregister("web-2")
        await asyncio.sleep(NOTICED)
        assert not await _is_registered(at, "web-2")
        await at.way.heal()
        assert await eventually(lambda: _is_registered(at, "web-2")) < NOTICED + 3


async def test_one_that_cannot_be_heard_does_not_hang_when_it_leaves(registry: Registry) -> None:
    async with far(registry, "web-1") as at, kept(at, registration("web-2")) as registrar:
        at.way.go_dark()
        began = time.monotonic()
        with pytest.raises(RegistryUnreachable):
            await registrar.withdraw()
        assert time.monotonic() - began < 2 * PATIENCE + 1


async def test_an_instance_registers_over_a_slow_link(registry: Registry) -> None:
    async with far(registry, "web-1", patience=5.0) as at:
        at.way.delay(0.3)
        async with kept(at, registration("web-2")) as registrar:
            assert await _is_registered(at, "web-2")
            await registrar.withdraw()
            assert not await _is_registered(at, "web-2")
