"""One client's connection, with an application behind it that does what it should not; and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from http import HTTPStatus

import pytest

from services.gateway.answer import Answer
from services.gateway.arrival import Arrival
from services.gateway.clients import Clients
from services.gateway.fields import Fields
from services.gateway.forwarded import TrustedProxies
from services.gateway.listener import Listener
from services.gateway.problems import Problem

from .front import door
from .waiting import until

GET = b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"y" * 9000 + b"\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
LIMIT = 10
"""Of clients at once."""

Serve = Callable[[Arrival, Answer], Awaitable[None]]


class App:
    """Serves in whatever way, and counts how often and how it ended."""

    body_limit = 1 << 20
    is_leaving = False
    proxies = TrustedProxies()

    def __init__(self, serve: Serve, *, admit: Callable[[Arrival], None] = lambda _arrival: None) -> None:
        self._serve = serve
        self.clients = Clients(LIMIT)
        self._admit = admit
        self.began = self.ended = self.cancelled = 0

    def admit(self, arrival: Arrival, fields: Fields) -> None:  # noqa: ARG002 (the seam's signature)
        self._admit(arrival)

    def refuse(self, arrival: Arrival, problem: Problem) -> None:
        pass

    async def serve(self, arrival: Arrival, answer: Answer, listener: Listener) -> None:  # noqa: ARG002 (as above)
        self.began += 1
        try:
            await self._serve(arrival, answer)
            self.ended += 1
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def hello(_arrival: Arrival, answer: Answer) -> None:
    answer.respond(200, b"content-length: 5\r\n", b"hello")


async def breaks(_arrival: Arrival, _answer: Answer) -> None:
    raise ZeroDivisionError("a bug")


async def breaks_in_the_middle(_arrival: Arrival, answer: Answer) -> None:
    answer.begin(200, b"content-length: 10\r\n", 10)
    await answer.write(b"hello")
    raise ZeroDivisionError("a bug")


async def forgets(_arrival: Arrival, _answer: Answer) -> None:
    pass


def faults(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]


async def test_a_fault_of_ours_is_500_and_logged_and_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    async with door(App(breaks)) as at:
        for _ in range(2):
            async with at.client() as client:
                await client.say(GET)
                got = await client.answer()
                assert (got.status, got.one(b"connection")) == (500, b"close")
                assert b"bug" not in got.body
                assert await client.rest() == b""
    assert len(faults(caplog)) == 2


async def test_a_fault_in_the_middle_of_an_answer_breaks_it_off(caplog: pytest.LogCaptureFixture) -> None:
    async with door(App(breaks_in_the_middle)) as at, at.client() as client:
        await client.say(GET)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await client.answer()
    assert len(faults(caplog)) == 1


async def test_an_answer_that_was_forgotten_is_broken_off() -> None:
    async with door(App(forgets)) as at, at.client() as client:
        await client.say(GET)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await client.answer()


async def test_a_fault_in_looking_at_a_head_is_not_the_clients(caplog: pytest.LogCaptureFixture) -> None:
    def confused(_arrival: Arrival) -> None:
        raise ZeroDivisionError("a bug")

    async with door(App(hello, admit=confused)) as at, at.client() as client:
        await client.say(GET)
        for _ in range(2):
            assert (await client.answer()).status == 500
            await client.say(GET)
    assert len(faults(caplog)) >= 2


async def test_what_is_refused_by_its_head_is_never_served() -> None:
    def refuses(_arrival: Arrival) -> None:
        raise Problem(HTTPStatus.NOT_FOUND, "nothing here")

    app = App(hello, admit=refuses)
    async with door(app) as at:
        assert (await at.ask(GET)).status == 404
    assert app.began == 0


async def test_a_client_that_goes_away_ends_the_work_for_it() -> None:
    async def waits(_arrival: Arrival, _answer: Answer) -> None:
        await asyncio.Event().wait()

    app = App(waits)
    async with door(app) as at:
        for turn in range(1, 6):
            async with at.client() as client:
                await client.say(GET)
                await until(lambda turn=turn: app.began == turn)  # type: ignore[misc]
            await until(lambda turn=turn: app.cancelled == turn)  # type: ignore[misc]


async def test_an_idle_connection_ends_at_once_when_the_server_leaves() -> None:
    async with door(App(hello)) as at, at.client() as client:
        await client.say(GET)
        await client.answer()
        at.shut_down()
        assert await client.rest() == b""


async def test_a_request_under_way_ends_well_when_the_server_leaves() -> None:
    let_go = asyncio.Event()

    async def waits(_arrival: Arrival, answer: Answer) -> None:
        await let_go.wait()
        await hello(_arrival, answer)

    app = App(waits)
    async with door(app) as at, at.client() as client:
        await client.say(GET)
        await until(lambda: app.began)
        at.shut_down()
        let_go.set()
        assert (await client.answer()).body == b"hello"
        assert await client.rest() == b""


@pytest.mark.parametrize("begun", [POST, POST + b"he", POST[:20]])
async def test_a_request_that_is_coming_ends_well_too_and_says_that_it_is_the_last(begun: bytes) -> None:
    async with door(App(hello)) as at, at.client() as client:
        await client.say(begun)
        await until(lambda: at.listeners and (at.listeners[0].reader.is_in_head or at.listeners[0].reader.is_in_body))
        at.shut_down()
        await client.say((POST + b"hello")[len(begun) :])
        got = await client.answer()
        assert (got.body, got.one(b"connection")) == (b"hello", b"close")
        assert await client.rest() == b""


async def test_a_gateway_that_lingers_sends_each_connection_away_with_its_next_answer() -> None:
    app = App(hello)
    async with door(app) as at, at.client() as client:
        await client.say(GET)
        assert not (await client.answer()).all(b"connection")
        app.is_leaving = True
        await client.say(GET)
        assert (await client.answer()).one(b"connection") == b"close"
        assert await client.rest() == b""


async def test_an_early_answer_may_be_read_slowly() -> None:
    """The time for what the client still sends is no time for what it still reads."""
    body = b"x" * 16_000_000

    async def large(_arrival: Arrival, answer: Answer) -> None:
        answer.respond(200, b"content-length: %d\r\n" % len(body), body)

    app = App(large)
    async with door(app) as at, at.client(rcvbuf=4096) as client:
        await client.say(POST.replace(b"5", b"500000"))
        await until(lambda: app.ended)
        (listener,) = at.listeners
        assert listener.transport.get_write_buffer_size()
        at.sweep(ahead=3.0)
        assert len((await client.answer()).body) == len(body)
        assert await client.rest() == b""


@pytest.mark.parametrize("more", [GET * 50, GET[:-9000], b"GARBAGE\r\n\r\n"])
async def test_who_has_sent_ahead_sees_the_last_answer_and_no_reset(more: bytes) -> None:
    app = App(hello)
    async with door(app) as at, at.client() as client:
        app.is_leaving = True
        await client.say(GET + more, *[b"x" * 65536] * 10)
        assert (await client.answer()).one(b"connection") == b"close"
        assert await client.rest() == b""
    assert app.began == 1


async def test_every_answer_is_counted() -> None:
    async with door(App(hello)) as at:
        for _ in range(3):
            await at.ask(GET)
        assert at.state.total_requests == 3


async def test_one_client_too_many_is_told_so_and_the_others_are_served() -> None:
    app = App(hello)
    async with door(app) as listening, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(listening.client()) for _ in range(LIMIT)]
        await until(lambda: app.clients.count == LIMIT)
        async with listening.client() as one_more:
            answer = await one_more.answer()
            assert (answer.status, answer.one(b"retry-after")) == (503, b"1")
            assert app.clients.count == LIMIT
            clients.pop().go_away()
            await until(lambda: app.clients.count < LIMIT)
            assert (await listening.ask(GET)).status == 200, "one that was turned away takes no place"
        for client in clients:
            await client.say(GET)
            assert (await client.answer()).body == b"hello"
