"""Requests that a client sends ahead of answers: served in their order, and no more of them than fit."""

from __future__ import annotations

import asyncio

import pytest

from services.gateway.listener import AHEAD
from services.gateway.patience import IDLE, STALL

from .front import front
from .instances import Side, answer, echoes, measures_once, raw_instance
from .waiting import a_few_turns, until

HELLO = answer(b"hello")
MUCH = b"x" * 60_000


def get(target: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join([b"GET " + target + b" HTTP/1.1", b"Host: a", *fields, b"", b""])


def post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def names_target(side: Side) -> None:
    """Answers with what was asked for, the first of them late."""
    while True:
        request = await side.request()
        if request.target.endswith(b"slow"):
            await a_few_turns()
        await side.say(answer(request.target))


@pytest.mark.parametrize("together", [True, False])
async def test_answers_keep_the_order_of_requests(together: bool) -> None:
    targets = [b"/1-slow", b"/2", b"/3-slow", b"/4", b"/5"]
    async with raw_instance(names_target) as web, front(web) as gateway, gateway.client() as client:
        requests = [get(target) for target in targets]
        await client.say(*([b"".join(requests)] if together else requests))
        assert [(await client.answer()).body for _ in targets] == targets


async def test_requests_with_bodies_and_without_follow_each_other() -> None:
    async with raw_instance(echoes) as web, front(web) as gateway, gateway.client() as client:
        large = b"x" * 100_000
        await client.say(post(b"one") + get(b"/") + post(large) + post(b"") + post(b"last"))
        assert [(await client.answer()).body for _ in range(5)] == [b"one", b"", large, b"", b"last"]


async def test_a_problem_waits_for_its_turn() -> None:
    here = raw_instance(names_target, tags=("urlprefix-/here",))
    async with here as web, front(web) as gateway, gateway.client() as client:
        await client.say(get(b"/here/slow") + get(b"/nowhere") + get(b"/here"))
        assert [(await client.answer()).status for _ in range(3)] == [200, 404, 200]


@pytest.mark.parametrize(
    "garbage", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"]
)
async def test_what_came_before_garbage_is_answered_before_it_is_refused(garbage: bytes) -> None:
    async with raw_instance(names_target) as web, front(web) as gateway, gateway.client() as client:
        await client.say(get(b"/slow") + get(b"/2") + garbage + get(b"/never"))
        assert [(await client.answer()).body for _ in range(2)] == [b"/slow", b"/2"]
        assert (await client.answer()).status in (400, 501)
        assert await client.rest() == b""
        assert [request.target for request in web.requests] == [b"/slow", b"/2"]


async def test_nothing_is_answered_after_the_last_request() -> None:
    async with raw_instance(names_target) as web, front(web) as gateway:
        got = await gateway.exchange(get(b"/1", b"Connection: close") + get(b"/2"))
        assert got.count(b"HTTP/1.1 ") == 1
        assert got.endswith(b"/1")
        assert [request.target for request in web.requests] == [b"/1"]


async def test_a_client_that_sends_too_far_ahead_is_not_read_for_now() -> None:
    let_go = asyncio.Event()

    async def held(side: Side) -> None:
        while True:
            request = await side.request()
            await let_go.wait()
            await side.say(answer(request.target))

    requests = [get(b"/%d" % number, b"X: " + b"y" * 9000) for number in range(500)]
    async with raw_instance(held) as web, front(web, rcvbuf=4096) as gateway, gateway.client() as client:
        saying = asyncio.create_task(client.say(*requests))
        await until(lambda: web.requests)
        await a_few_turns()
        assert not saying.done()
        (listener,) = gateway.listeners
        assert AHEAD < len(listener.waiting) < AHEAD + 50  # a read may bring some more; no other read follows it
        let_go.set()
        for number in range(len(requests)):
            assert (await client.answer()).body == b"/%d" % number
        await saying


async def test_bodies_that_are_sent_ahead_are_not_kept_either() -> None:
    let_go = asyncio.Event()
    async with (
        raw_instance(measures_once(let_go)) as web,
        front(web, rcvbuf=4096) as gateway,
        gateway.client() as client,
    ):
        saying = asyncio.create_task(client.say(*[post(b"x" * 1_000_000)] * 10))
        await until(lambda: web.connections)
        await a_few_turns()
        assert not saying.done()
        let_go.set()
        for _ in range(10):
            assert (await client.answer()).body == b"1000000"
        await saying


async def says_much(side: Side) -> None:
    while True:
        await side.request()
        await side.say(answer(MUCH))


async def test_answers_are_not_fetched_for_a_client_that_does_not_read() -> None:
    """Else a few kilobytes of requests would fill the gateway's memory."""
    requests = 400
    async with raw_instance(says_much) as web, front(web) as gateway, gateway.client(rcvbuf=4096) as client:
        await client.say(get(b"/") * requests)
        await until(lambda: gateway.listeners[0].writable is not None)
        for _ in range(20):
            await a_few_turns()
        (listener,) = gateway.listeners
        assert listener.transport.get_write_buffer_size() < 4 * len(MUCH)
        assert len(web.requests) < requests / 2
        for _ in range(requests):
            assert (await client.answer()).body == MUCH


async def test_a_client_that_reads_slowly_is_not_one_that_rests() -> None:
    """What it has asked for is still to be answered: no time between requests runs out meanwhile."""
    requests = 200
    async with raw_instance(says_much) as web, front(web) as gateway, gateway.client(rcvbuf=4096) as client:
        await client.say(get(b"/") * requests)
        await until(lambda: gateway.listeners[0].writable is not None)
        gateway.sweep(ahead=STALL - 1)
        unread = gateway.listeners[0].transport.get_write_buffer_size()
        answered = 0
        while gateway.listeners[0].transport.get_write_buffer_size() >= unread:
            assert (await client.answer()).body == MUCH
            answered += 1
        gateway.sweep(ahead=IDLE + 1)
        for _ in range(requests - answered):
            assert (await client.answer()).body == MUCH


async def test_what_stands_behind_the_last_request_is_not_carried_out() -> None:
    """Not even when the last answer has to wait for its client, and goes on later; nor does it spoil that answer."""
    requests = 200
    async with raw_instance(says_much) as web, front(web) as gateway, gateway.client(rcvbuf=4096) as client:
        await client.say(get(b"/") * (requests - 1) + get(b"/", b"Connection: close") + get(b"/never") * 3)
        await until(lambda: gateway.listeners[0].writable is not None)
        for _ in range(requests):
            assert (await client.answer()).body == MUCH
        assert await client.rest() == b""
        assert [request.target for request in web.requests] == [b"/"] * requests
