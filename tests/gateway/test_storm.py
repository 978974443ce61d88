"""Nothing is mixed up and nothing is left over, however many come and however they leave."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .front import front
from .instances import Side, answer, echoes, raw_instance
from .storm import census, storm
from .waiting import until

SAFE = ("urlprefix-/ replay=safe",)


async def half_dies(side: Side) -> None:
    """Echoes, and now and then ends the connection at the moment of the next request."""
    for _ in range(7):
        request = await side.request()
        await side.say(answer(request.body))
    await side.request()


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_every_answer_belongs_to_its_request_and_nothing_is_left_over() -> None:
    async with (
        raw_instance(echoes, name="web-1", tags=SAFE) as one,
        raw_instance(echoes, name="web-2", tags=SAFE) as other,
        front(one, other, deadline=1000.0) as gateway,
    ):
        await storm(gateway, requests=20, clients=2, give_up=0.0, seed=1)
        await until(lambda: gateway.is_quiet)
        gateway.sweep(ahead=100.0)
        await until(lambda: not gateway.wire.open and not one.open and not other.open)
        before = census()
        outcome = await storm(gateway, requests=5000, clients=32, give_up=0.2, seed=2)
        assert outcome.strange == []
        assert outcome.matched + outcome.given_up == 5000
        assert outcome.given_up > 500
        await until(lambda: gateway.is_quiet)
        gateway.sweep(ahead=200.0)
        await until(lambda: not gateway.wire.open and not one.open and not other.open)
        assert census() == before


async def test_connections_that_die_under_their_requests_mix_nothing_up() -> None:
    async with (
        raw_instance(half_dies, name="web-1", tags=SAFE) as one,
        raw_instance(echoes, name="web-2", tags=SAFE) as other,
        front(one, other, deadline=1000.0) as gateway,
    ):
        outcome = await storm(gateway, requests=1000, clients=16, give_up=0.1, seed=3)
        strange = [each for each in outcome.strange if not each.startswith(b"HTTP/1.1 502")]
        assert strange == []  # a large body, which is not kept, cannot be sent again
        assert outcome.matched > 500


async def test_clients_that_all_go_away_leave_nothing() -> None:
    async with raw_instance(echoes) as web, front(web, deadline=1000.0) as gateway:
        outcome = await storm(gateway, requests=1500, clients=100, give_up=1.0, seed=4)
        assert outcome.given_up == 1500
        await until(lambda: gateway.is_quiet)
        gateway.sweep(ahead=100.0)
        await until(lambda: not gateway.wire.open and not web.open)


async def test_a_request_leaves_nothing_that_only_the_collector_of_garbage_finds() -> None:
    """Circles would cost each request a share of a collection, and the unlucky one all of it."""
    get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    async with (
        raw_instance(echoes, name="web-1", tags=SAFE) as one,
        raw_instance(echoes, name="web-2", tags=SAFE) as other,
        front(one, other) as gateway,
        gateway.client() as client,
    ):
        for _ in range(20):
            await client.say(get)
            await client.answer()
        with only_garbage() as garbage:
            for _ in range(100):
                await client.say(get)
                await client.answer()
        assert garbage & {"Race", "Contender", "Exchange", "Request", "Response", "Arrival", "Answer"} == set()


@contextmanager
def only_garbage() -> Iterator[set[str]]:
    """The kinds of objects that are left for the collector."""
    found: set[str] = set()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found.update(type(each).__name__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
