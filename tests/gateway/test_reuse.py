"""Connections that are kept, and what becomes of a request whose connection dies under it."""

from __future__ import annotations

import asyncio

import pytest

from .front import front
from .instances import Side, answer, echoes, raw_instance, resets, says, says_and_closes, signed
from .waiting import a_few_turns, until

HELLO = answer(b"hello")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nagain"
TIMES = 1250  # in four ways, on two kinds of loop
SAFE = ("urlprefix-/ replay=safe",)


class Shy:
    """Answers the first request on each connection and ends it at the moment of the second, answering nothing."""

    def __init__(self, *, resets: bool = False, reads: bool = True) -> None:
        self._resets = resets
        self._reads = reads
        self.second = 0

    async def __call__(self, side: Side) -> None:
        await side.request()
        await side.say(HELLO)
        if self._reads:
            await side.request()
        else:
            await side.reader.read(1)
        self.second += 1
        if self._resets:
            side.reset()


async def test_a_connection_is_used_again_by_whoever_comes() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        for _ in range(5):
            assert (await gateway.ask(GET)).status == 200
        assert web.connections == gateway.wire.open == 1


async def test_the_one_used_last_is_used_next_so_that_the_others_can_end() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        async with gateway.client() as one, gateway.client() as other:
            for client in (one, other):
                await client.say(GET * 3)
            for client in (one, other) * 3:
                await client.answer()
        assert gateway.wire.open <= 2
        for _ in range(5):
            await gateway.ask(GET)
        assert web.connections <= 2


@pytest.mark.parametrize("field", [b"Connection: close", b"connection: Close, x"])
async def test_a_connection_that_the_instance_gives_up_is_not_used_again(field: bytes) -> None:
    async def goes_on(side: Side) -> None:
        while True:
            await side.request()
            await side.say(answer(b"hello", field))

    async with raw_instance(goes_on) as web, front(web) as gateway:
        for _ in range(3):
            assert (await gateway.ask(GET)).body == b"hello"
        assert web.connections == 3
        await until(lambda: not gateway.wire.open)


async def test_neither_is_one_of_http_1_0() -> None:
    async with raw_instance(says(HELLO.replace(b"1.1", b"1.0"))) as web, front(web) as gateway:
        for _ in range(3):
            assert (await gateway.ask(GET)).body == b"hello"
        assert web.connections == 3


@pytest.mark.parametrize("boot", ["", "0190000000000000000000000001"])
async def test_an_idle_connection_is_ended_before_the_instance_ends_it(boot: str) -> None:
    response = answer(b"hello", signed("web-1"))
    async with raw_instance(says(response), boot=boot) as web, front(web) as gateway:
        await gateway.ask(GET)
        seconds = 30.0 if boot else 3.0
        gateway.sweep(ahead=seconds - 0.5)
        assert gateway.wire.open == 1
        gateway.sweep(ahead=seconds + 0.5)
        await until(lambda: not gateway.wire.open and not web.open)


async def test_one_that_the_instance_ended_meanwhile_is_not_used() -> None:
    async with raw_instance(says_and_closes(HELLO)) as web, front(web) as gateway:
        for turn in range(1, 4):
            assert (await gateway.ask(POST)).status == 200
            await until(lambda: not gateway.wire.open)
            assert web.connections == turn


@pytest.mark.parametrize("resets_", [False, True])
@pytest.mark.parametrize("reads", [False, True])
async def test_a_replayable_request_does_not_notice_that_its_connection_died(resets_: bool, reads: bool) -> None:
    """Ten thousand times in all ways together, at no cost: no other attempt is counted, and no instance is blamed."""
    shy = Shy(resets=resets_, reads=reads)
    async with raw_instance(shy) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(TIMES):
            await client.say(GET)
            got = await client.answer()
            assert (got.status, got.body, got.all(b"x-attempts")) == (200, b"hello", [])
        assert shy.second == TIMES - 1
        (upstream,) = gateway.upstreams
        assert upstream.ejection.is_admitting


async def test_nor_does_a_post_on_a_route_that_allows_it() -> None:
    shy = Shy()
    async with raw_instance(shy, tags=SAFE) as web, front(web) as gateway:
        for _ in range(20):
            assert (await gateway.ask(POST)).body == b"hello"
        assert shy.second == 19
        assert all(request.body == b"again" for request in web.requests)


async def test_another_request_is_not_sent_twice_without_leave() -> None:
    """It may have been carried out: only the client knows whether that matters."""
    shy = Shy()
    async with raw_instance(shy) as web, front(web) as gateway:
        statuses = [(await gateway.ask(POST)).status for _ in range(6)]
        assert statuses == [200, 502] * 3
        assert len(web.requests) == 6


async def test_a_response_that_had_begun_is_no_reason_for_a_silent_repetition() -> None:
    async def breaks(side: Side) -> None:
        await side.request()
        await side.say(HELLO)
        await side.request()
        await side.say(b"HTTP/1.1 200 OK\r\nContent-")

    async with raw_instance(breaks) as web, front(web) as gateway:
        assert (await gateway.ask(POST)).status == 200
        assert (await gateway.ask(POST)).status == 502
        assert len(web.requests) == 2


async def test_a_reset_after_the_request_was_sent_is_answered_by_another_instance() -> None:
    async with (
        raw_instance(resets, name="web-1") as one,
        raw_instance(says(HELLO), name="web-2") as other,
        front(one, other) as gateway,
    ):
        for _ in range(10):
            assert (await gateway.ask(GET)).body == b"hello"
        assert one.requests


async def test_and_not_where_the_request_may_have_been_carried_out() -> None:
    async with (
        raw_instance(resets, name="web-1") as one,
        raw_instance(resets, name="web-2") as other,
        front(one, other) as gateway,
    ):
        got = await gateway.ask(POST)
        assert got.status == 502
        assert len(one.requests) + len(other.requests) == 1


async def test_nobody_there_is_no_reason_not_to_ask_another() -> None:
    """A refused connection has carried out nothing, whatever the method."""
    async with raw_instance(says(HELLO), name="web-1") as gone:
        pass
    async with raw_instance(says(HELLO), name="web-2") as there, front(gone, there) as gateway:
        for _ in range(10):
            assert (await gateway.ask(POST)).body == b"hello"
        assert len(there.requests) == 10


async def test_with_nobody_left_it_is_503_at_once() -> None:
    async with raw_instance(says(HELLO)) as gone:
        pass
    async with front(gone) as gateway:
        got = await gateway.ask(POST)
        assert got.status == 503
        assert int(got.one(b"retry-after")) >= 1
        assert b"web-1" in got.body


async def test_a_small_body_of_unknown_length_can_be_sent_again_as_well() -> None:
    """Many libraries send whatever they do not know the length of in chunks, and the chunks after the head."""
    async with (
        raw_instance(resets, name="web-1", tags=SAFE) as broken,
        raw_instance(says(HELLO), name="web-2", tags=SAFE) as sound,
        front(broken, sound) as gateway,
    ):
        for _ in range(12):
            async with gateway.client() as client:
                await client.say(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                await a_few_turns()
                await client.say(b"5\r\nagain\r\n", b"0\r\n\r\n")
                assert (await client.answer()).status == 200
        assert broken.requests, "nobody was hurt"
        assert {request.one(b"content-length") for request in sound.requests} == {b"5"}
        assert {request.body for request in sound.requests} == {b"again"}


async def test_a_client_that_uploads_slowly_does_not_make_its_instance_look_slow() -> None:
    async with raw_instance(echoes) as web, front(web) as gateway:
        for _ in range(20):
            assert (await gateway.ask(POST)).status == 200
        (upstream,) = gateway.upstreams
        before = upstream.latency.cost
        async with gateway.client() as client:
            await client.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 70_000)
            await asyncio.sleep(0.5)
            await client.say(b"x" * 30_000)
            assert (await client.answer()).status == 200
        assert upstream.latency.cost == before
