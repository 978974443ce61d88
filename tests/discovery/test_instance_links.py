"""`discovery.client()` as programs use it, and a link to one of two instances that is slow, cut or dark."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx2
import pytest

import discovery
from discovery.identity import HEADER
from discovery.instance import Instance
from discovery.settings import ConsulSettings
from tests.fakes.http_server import Behaviour, Received, TinyServer, drips, response, sends, tiny_server
from tests.fakes.instances import instance, says
from tests.fakes.link import Link, link
from tests.fakes.scripted_consul import ScriptedConsul

BODY = "x" * 5000
DEADLINE = 30.0

SOON = 1.0
"""Seconds that a hedged request takes at most, on a machine that has other work."""


@dataclass
class Reach:
    """A client, and two instances of which the first is reached over the link."""

    http: httpx2.AsyncClient
    way: Link
    first: TinyServer
    took: list[float] = field(default_factory=list)

    async def ask(self, method: str = "POST") -> httpx2.Response:
        began = time.monotonic()
        answer = await self.http.request(method, "http://web/")
        self.took.append(time.monotonic() - began)
        return answer

    async def all_answered(self, rounds: int) -> set[str]:
        """Who answered; none failed, and nobody waited for what was hurt."""
        self.took.clear()
        answers = [each for _ in range(rounds) for each in await self.some()]
        assert {(each.status_code, each.text) for each in answers} == {(200, BODY)}
        assert max(self.took) < SOON
        return {each.extensions["instance"] for each in answers}

    async def some(self, method: str = "POST") -> list[httpx2.Response]:
        """A few at the same time, so that both instances get one."""
        return await asyncio.gather(*(self.ask(method) for _ in range(4)))


def named(who: Instance) -> bytes:
    return response(BODY, 200, **{HEADER.replace("-", "_"): says(who)})


def answering(who: Instance, act: Behaviour | None = None) -> Behaviour:
    """Health checks are always answered well."""

    async def behave(request: Received, writer: asyncio.StreamWriter) -> None:
        await (act if act and request.target != "/livez" else sends(named(who)))(request, writer)

    return behave


@asynccontextmanager
async def reach(
    act: Behaviour | None = None, *, replay: str = " replay=safe", deadline: float = 10.0, alone: bool = False
) -> AsyncIterator[Reach]:
    one, two = (instance(f"web-{n}", address="127.0.0.1", tags=(f"urlprefix-/{replay}",)) for n in (1, 2))
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(tiny_server(answering(one, act)))
        second = await stack.enter_async_context(tiny_server(answering(two)))
        way = await stack.enter_async_context(link(first.port))
        consul = ScriptedConsul()
        consul.list(replace(one, port=way.port), *([] if alone else [replace(two, port=second.port)]))
        registry = await stack.enter_async_context(tiny_server(consul))
        settings = ConsulSettings(http_addr=f"127.0.0.1:{registry.port}")
        http = await stack.enter_async_context(discovery.client(deadline=deadline, consul=settings))
        made = Reach(http, way, first)
        if not alone:
            await until_both_are_known(made)
        yield made


async def until_both_are_known(made: Reach) -> None:
    async with asyncio.timeout(DEADLINE):
        while not made.first.requests:
            await made.some()


async def test_behind_a_slow_link_somebody_else_is_quicker() -> None:
    async with reach() as at:
        at.way.delay(3.0)
        assert "web-2" in await at.all_answered(8)


async def test_a_dark_link_is_waited_for_by_nobody_and_used_again_once_there_is_light() -> None:
    async with reach() as at:
        at.way.go_dark()
        assert await at.all_answered(15) == {"web-2"}
        await at.way.heal()
        served: set[str] = set()
        async with asyncio.timeout(DEADLINE):
            while "web-1" not in served:
                served |= await at.all_answered(1)
                await asyncio.sleep(0.05)


async def test_behind_a_cut_link_nobody_is_missed_and_it_is_used_again_once_mended() -> None:
    async with reach() as at:
        at.way.cut()
        assert await at.all_answered(8) == {"web-2"}
        await at.way.heal()
        served: set[str] = set()
        async with asyncio.timeout(DEADLINE):
            while "web-1" not in served:
                served |= await at.all_answered(1)
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("size", [1, 20, 60, 1000, 5000])
async def test_a_small_answer_that_is_cut_off_is_asked_for_elsewhere(size: int) -> None:
    async with reach() as at:
        before = len(at.first.requests)
        at.way.cut_after(size)
        while len(at.first.requests) == before:
            assert {(each.status_code, each.text) for each in await at.some()} == {(200, BODY)}
        assert {(each.status_code, each.text) for each in await at.some()} == {(200, BODY)}


async def test_without_leave_to_repeat_it_a_cut_answer_is_an_error() -> None:
    async with reach(replay="") as at:
        at.way.cut_after(1000)
        with pytest.raises(httpx2.TransportError):
            await ask_until_it_fails(at)


async def ask_until_it_fails(at: Reach) -> None:
    while True:
        assert {each.text for each in await at.some()} == {BODY}, "never a part that looks whole"


async def test_a_head_that_drips_is_outrun() -> None:
    async with reach(drips(named(instance("web-1")), pause=1.0)) as at:
        assert await at.all_answered(5) == {"web-2"}
        assert at.first.requests, "it was tried"


async def test_a_head_that_drips_has_until_the_deadline_and_not_longer() -> None:
    async with reach(drips(named(instance("web-1")), pause=1.0), deadline=1.5, alone=True) as at:
        began = time.monotonic()
        with pytest.raises(httpx2.ReadTimeout):
            await at.ask()
        assert 1.4 < time.monotonic() - began < 4


async def test_where_there_is_no_hedge_an_attempt_has_its_time_and_not_the_deadline() -> None:
    async with reach(replay="") as at:
        at.way.go_dark()
        assert {(each.status_code, each.text) for each in await at.some("GET")} == {(200, BODY)}
        assert max(at.took) < 2 + SOON
