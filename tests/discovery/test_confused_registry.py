"""A registry that talks nonsense over a real socket, and all that stands behind it: nobody is forgotten, no storm."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from discovery.addresses import Forbidden
from discovery.consul import Consul
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.probe import Verdict
from discovery.resolver import Resolver
from discovery.settings import ConsulSettings
from tests.fakes.http_server import Received, TinyServer, response, tiny_server
from tests.fakes.instances import instance
from tests.fakes.probe import ScriptedProbe
from tests.fakes.scripted_consul import ScriptedConsul, answer, catalog, health
from tests.registries import DEADLINE

LOOKING = 1.5
"""Seconds for which each kind of nonsense goes on."""

MOST = 2 * (10 + 5 * LOOKING) + 4
"""Questions in that time: what the rate of two watches allows, and a little."""


def instances(count: int) -> list[Instance]:
    return [instance(f"web-{number}", port=9000 + number, tags=("urlprefix-/web",)) for number in range(1, count + 1)]


@asynccontextmanager
async def confused() -> AsyncIterator[tuple[ScriptedConsul, TinyServer, Resolver]]:
    """All three instances are known, and answer when they are asked."""
    consul, probe = ScriptedConsul(), ScriptedProbe()
    consul.list(*instances(3))
    for each in instances(4):
        probe.find(each.id, Verdict.ANSWERS)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(tiny_server(consul))
        asking = await stack.enter_async_context(Consul(ConsulSettings(http_addr=f"127.0.0.1:{server.port}")))
        resolver = await stack.enter_async_context(
            Resolver(asking, probe, journal=Journal(), clock=time.monotonic, random=Random(7), forbidden=Forbidden())
        )
        resolver.follow_routed()
        await until(lambda: ids(resolver) == {"web-1", "web-2", "web-3"})
        yield consul, server, resolver


def ids(resolver: Resolver) -> set[str]:
    return {each.instance.id for each in resolver.pools["web"].upstreams} if "web" in resolver.pools else set()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)


async def survives(nonsense: Callable[[ScriptedConsul], Callable[[Received], bytes]]) -> None:
    """Nobody leaves, nobody storms, and the first sensible answer is believed."""
    async with confused() as (consul, server, resolver):
        before = len(server.requests)
        consul.nonsense = nonsense(consul)
        consul.tell()
        ends = time.monotonic() + LOOKING
        while time.monotonic() < ends:
            await asyncio.sleep(0.02)
            assert ids(resolver) == {"web-1", "web-2", "web-3"}
            assert resolver.pools["web"].choose() is not None
        assert len(server.requests) - before <= MOST
        consul.nonsense = None
        consul.list(*instances(4))
        await until(lambda: ids(resolver) == {"web-1", "web-2", "web-3", "web-4"})
        await until(lambda: resolver.hears_registry and resolver.pools["web"].stale_since is None)


async def all_at_once(stories: Iterable[Coroutine[None, None, None]]) -> None:
    """Each with a registry of its own: most of the time they only look."""
    async with asyncio.TaskGroup() as group:
        for each in stories:
            group.create_task(each)


async def test_an_index_that_is_none_or_goes_backwards() -> None:
    async def says(index: str) -> None:
        await survives(lambda consul: lambda request: consul.truth(request, index))

    await all_at_once(says(each) for each in ("3", "0", "-7", "x", "1e3", " ", "9" * 40))


async def test_an_index_that_is_missing() -> None:
    await survives(lambda consul: lambda request: consul.truth(request).replace(b"x-consul-index", b"x-other"))


async def test_a_query_that_returns_at_once_a_thousand_times() -> None:
    await survives(lambda consul: consul.truth)


async def test_an_index_that_jumps_up_and_down() -> None:
    def jumping(consul: ScriptedConsul) -> Callable[[Received], bytes]:
        chance = Random(7)
        return lambda request: consul.truth(request, chance.randrange(30))

    await survives(jumping)


NONE = (
    response("rpc error", 500),
    response("no", 429),
    response("Permission denied", 403),
    response("<html><h1>It works!</h1></html>", x_consul_index="12"),
    response('[{"Node": {"Addre', x_consul_index="12"),
    response("null", x_consul_index="12"),
    response("7", x_consul_index="12"),
    response('"web"', x_consul_index="12"),
    response("[[]]", x_consul_index="12"),
    response('[{"Node": null}]', x_consul_index="12"),
    response("", x_consul_index="12"),
    response("[" * 5000, x_consul_index="12"),
    response(b"\xff\xfe", x_consul_index="12"),
    b"HTTP/1.1 200 OK\r\nx-consul-index: 12\r\ncontent-length: 500\r\n\r\n[",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"",
)


async def test_what_is_no_answer() -> None:
    async def says(said: bytes) -> None:
        await survives(lambda _: lambda _: said)

    await all_at_once(map(says, NONE))


async def test_an_empty_list_with_and_without_a_leader() -> None:
    async def says(leader: str) -> None:
        await survives(
            lambda consul: lambda request: answer(request, {}, [], consul.index, x_consul_knownleader=leader)
        )

    await all_at_once(map(says, ("true", "false")))


async def test_a_catalog_that_is_empty_though_lists_are_not() -> None:
    await survives(lambda consul: lambda request: answer(request, {}, health(instances(3)), consul.index))


async def test_lists_that_are_empty_though_the_catalog_is_not() -> None:
    await survives(lambda consul: lambda request: answer(request, catalog(instances(3)), [], consul.index))


async def test_answers_good_and_bad_in_turn() -> None:
    def in_turn(consul: ScriptedConsul) -> Callable[[Received], bytes]:
        bad = [response("no", 500), response("[]", x_consul_index="0"), response("[]", x_consul_index="99"), b""]
        chance = Random(7)
        return lambda request: chance.choice([consul.truth(request), *bad])

    await survives(in_turn)
