"""A link to one of two instances that is slow, cut or dark: clients of the gateway see none of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import pytest

from tests.fakes.link import Link, link

from .front import Front, front
from .instances import Act, RawInstance, Side, answer, raw_instance, says
from .raw import Message
from .waiting import DEADLINE

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
BODY = b"x" * 5000

GOOD = says(answer(BODY))

SOON = 1.0
"""Seconds that a hedged request takes at most, on a machine that has other work: the hedge itself leaves after some
ten milliseconds. An attempt alone would have two seconds, and what is hurt here takes longer than that."""


@dataclass
class Reach:
    """A gateway, and two instances of which the first is reached over the link."""

    gateway: Front
    way: Link
    first: RawInstance
    took: list[float] = field(default_factory=list)

    async def ask(self, request: bytes = POST) -> Message:
        began = time.monotonic()
        message = await self.gateway.ask(request)
        self.took.append(time.monotonic() - began)
        return message

    async def some(self, request: bytes = POST) -> list[Message]:
        """A few at the same time, so that both instances get one."""
        return await asyncio.gather(*(self.ask(request) for _ in range(4)))

    async def all_answered(self, rounds: int) -> set[bytes]:
        """Who answered; none failed, and nobody waited for what was hurt."""
        self.took.clear()
        messages = [each for _ in range(rounds) for each in await self.some()]
        assert {(each.status, each.body) for each in messages} == {(HTTPStatus.OK, BODY)}
        assert max(self.took) < SOON
        return {each.one(b"x-served-by") for each in messages}

    def is_admitted(self, name: str) -> bool:
        (found,) = (each for each in self.gateway.upstreams if each.instance.id == name)
        return found.ejection.is_admitting


@asynccontextmanager
async def reach(
    act: Act = GOOD, *, replay: str = " replay=safe", deadline: float = 10.0, alone: bool = False
) -> AsyncIterator[Reach]:
    """Both have been called, so that it is known how long they take, and connections are kept."""
    tags = (f"urlprefix-/{replay}",)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(raw_instance(act, name="web-1", tags=tags))
        second = await stack.enter_async_context(raw_instance(says(answer(BODY)), name="web-2", tags=tags))
        way = await stack.enter_async_context(link(first.instance.port))
        known = [replace(first.instance, port=way.port), *([] if alone else [second.instance])]
        gateway = await stack.enter_async_context(front(*known, deadline=deadline))
        made = Reach(gateway, way, first)
        if act is not drips and not alone:
            await until_both_are_known(made)
        yield made


async def until_both_are_known(made: Reach) -> None:
    async with asyncio.timeout(DEADLINE):
        while any(each.last_good is None for each in made.gateway.upstreams):
            await made.some()


async def drips(side: Side) -> None:
    """A head, one byte a second."""
    while True:
        await side.request()
        for byte in answer(BODY):
            await side.say(bytes([byte]))
            await asyncio.sleep(1.0)


async def test_behind_a_slow_link_somebody_else_is_quicker() -> None:
    async with reach() as at:
        at.way.delay(3.0)
        assert b"web-2" in await at.all_answered(8)


async def test_a_dark_link_is_waited_for_by_nobody_and_used_again_once_there_is_light() -> None:
    async with reach() as at:
        at.way.go_dark()
        assert await at.all_answered(15) == {b"web-2"}
        assert not at.is_admitted("web-1")
        await at.way.heal()
        (found,) = (each for each in at.gateway.upstreams if each.instance.id == "web-1")
        found.ejection.answered_probe(time.monotonic())
        served: set[bytes] = set()
        async with asyncio.timeout(DEADLINE):
            while b"web-1" not in served:
                served |= await at.all_answered(1)


async def test_behind_a_cut_link_nobody_is_missed() -> None:
    async with reach() as at:
        at.way.cut()
        assert await at.all_answered(8) == {b"web-2"}
        assert not at.is_admitted("web-1")


@pytest.mark.parametrize("size", [1, 20, 60, 1000, 5000])
async def test_a_small_answer_that_is_cut_off_is_asked_for_elsewhere(size: int) -> None:
    """In the head, after it, in the body: while all of it is waited for, its loss can be hidden."""
    async with reach() as at:
        at.way.cut_after(size)
        hidden = []
        async with asyncio.timeout(DEADLINE):
            while at.is_admitted("web-1"):
                for message in await at.some():
                    assert (message.status, message.body) == (HTTPStatus.OK, BODY)
                    hidden += message.all(b"x-attempts")
        assert b"2" in hidden


async def test_without_leave_to_repeat_it_a_cut_answer_is_told_of() -> None:
    async with reach(replay="") as at:
        at.way.cut_after(1000)
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    messages = await at.some()
                except (ConnectionResetError, asyncio.IncompleteReadError):
                    break
                assert {each.body for each in messages} == {BODY}, "never a part that looks whole"


async def test_a_head_that_drips_is_outrun() -> None:
    async with reach(drips) as at:
        for _ in range(3):
            await at.some()
        assert await at.all_answered(3) == {b"web-2"}
        assert at.first.connections > 0, "it was tried"


async def test_a_head_that_drips_has_until_the_deadline_and_not_longer() -> None:
    async with reach(drips, deadline=1.5, alone=True) as at:
        message = await at.ask()
        assert message.status == HTTPStatus.GATEWAY_TIMEOUT
        assert 1.4 < at.took[-1] < 4


async def test_a_link_that_was_dark_when_a_connection_was_reused() -> None:
    """An idempotent request on a route that says nothing: no hedge, but an attempt's time, not the deadline."""
    async with reach(replay="") as at:
        at.way.go_dark()
        assert {(each.status, each.body) for each in await at.some(GET)} == {(HTTPStatus.OK, BODY)}
        assert max(at.took) < 2 + SOON
