"""One request to one instance on a real connection, and what each way to fail means for the request."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

from discovery.errors import (
    AttemptFailed,
    ConnectFailed,
    ConnectRefused,
    NeverSent,
    ResponseLate,
    ResponseLost,
    ResponseMalformed,
)
from discovery.exchange import HttpxReply, attempt, translated
from discovery.identity import HEADER
from discovery.instance import Instance
from discovery.reply import KEPT
from tests.fakes.http_server import (
    Behaviour,
    TinyServer,
    closed_port,
    closes,
    hangs,
    in_turn,
    resets,
    response,
    sends,
    tiny_server,
)
from tests.fakes.instances import instance, says


@dataclass(slots=True)
class Line:
    """A wire to a tiny server."""

    server: TinyServer
    wire: httpx2.AsyncHTTPTransport
    closing: set[asyncio.Future[None]] = field(default_factory=set)

    @property
    def who(self) -> Instance:
        return instance(address="127.0.0.1", port=self.server.port)

    async def ask(self, request: httpx2.Request | None = None, *, hold: bool = False) -> HttpxReply:
        request = request or httpx2.Request("GET", "http://web/a?b=c")
        return await attempt(self.wire, request, self.who, hold=hold, closing=self.closing)

    @property
    def connections(self) -> int:
        """How many are open on our side."""
        return len(self.wire._pool.connections)


@asynccontextmanager
async def line(behave: Behaviour) -> AsyncIterator[Line]:
    async with tiny_server(behave) as server, httpx2.AsyncHTTPTransport(verify=False) as wire:
        found = Line(server, wire)
        yield found
        await asyncio.gather(*found.closing)


async def body_of(reply: HttpxReply) -> bytes:
    stream = reply.response.stream
    assert isinstance(stream, httpx2.AsyncByteStream)
    content = b"".join([chunk async for chunk in stream])
    await stream.aclose()
    return content


async def test_a_request_reaches_the_instance_as_it_was_made() -> None:
    async with line(sends(response("yes", 201))) as to:
        request = httpx2.Request("POST", "http://web/a/b?c=d%20e", headers={"x-a": "1"}, content=b"body")
        reply = await to.ask(request)
        assert (reply.status, await body_of(reply)) == (201, b"yes")
        (received,) = to.server.requests
        assert (received.method, received.target, received.body) == ("POST", "/a/b?c=d%20e", b"body")
        assert received.headers["host"] == "web"
        assert received.headers["x-a"] == "1"


async def test_the_reply_says_who_answered_and_how_long_it_wants_to_rest() -> None:
    headers = {HEADER.replace("-", "_"): says(instance()), "retry_after": "7"}
    async with line(sends(response("", 503, **headers))) as to:
        reply = await to.ask()
        assert (reply.status, reply.identity, reply.retry_after) == (503, says(instance()), 7.0)
        reply.discard()


@pytest.mark.parametrize("value", ["", "-1", "soon", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_rest_that_is_no_number_of_seconds_is_none(value: str) -> None:
    async with line(sends(response("", 503, retry_after=value))) as to:
        reply = await to.ask()
        assert reply.retry_after is None
        reply.discard()


async def test_connections_are_used_again() -> None:
    async with line(sends(response("x"))) as to:
        for _ in range(5):
            await body_of(await to.ask())
        assert to.server.connections == 1


# What can go wrong


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (closes, ResponseLost),
        (resets, ResponseLost),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-le", close=True), ResponseLost),
        (sends(b"nonsense\r\n\r\n"), ResponseMalformed),
        (sends(b"HTTP/1.1 99 X\r\n\r\n"), ResponseMalformed),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"), ResponseMalformed),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), ResponseMalformed),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n"), ResponseMalformed),
        (sends(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000 + b"\r\n\r\n"), ResponseMalformed),
    ],
)
async def test_what_is_wrong_before_the_head_has_come(behave: Behaviour, failure: type[AttemptFailed]) -> None:
    async with line(behave) as to:
        with pytest.raises(AttemptFailed) as raised:
            await to.ask()
        assert type(raised.value) is failure
        assert to.connections == 0


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (sends(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", close=True), ResponseLost),
        (sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\nzz\r\n"), ResponseMalformed),
    ],
)
async def test_a_small_body_that_is_held_must_be_whole(behave: Behaviour, failure: type[AttemptFailed]) -> None:
    async with line(behave) as to:
        with pytest.raises(AttemptFailed) as raised:
            await body_of(await to.ask(hold=True))
        assert type(raised.value) is failure
        assert to.connections == 0


async def test_a_body_that_is_not_held_breaks_off_while_it_is_read() -> None:
    async with line(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", close=True)) as to:
        reply = await to.ask()
        with pytest.raises(httpx2.RemoteProtocolError) as raised:
            await body_of(reply)
        assert type(translated(raised.value)) is ResponseLost


async def test_more_than_was_announced_is_in_no_body() -> None:
    async with line(in_turn(sends(response("abc") + b"more than announced"), sends(response("def")))) as to:
        assert await body_of(await to.ask(hold=True)) == b"abc"
        with pytest.raises(ResponseMalformed):
            await to.ask(hold=True)
        assert await body_of(await to.ask(hold=True)) == b"def"


async def test_nobody_listens() -> None:
    async with httpx2.AsyncHTTPTransport(verify=False) as wire:
        who = instance(address="127.0.0.1", port=closed_port())
        with pytest.raises(ConnectRefused):
            await attempt(wire, httpx2.Request("GET", "http://web/"), who, hold=True, closing=set())


@pytest.mark.parametrize("address", ["nowhere.invalid", "a" * 70, "x..y", "ü" * 300, "a b", "[", "a/b", "\x00"])
async def test_an_address_that_cannot_be_had_fails_as_a_connection_does(address: str) -> None:
    async with httpx2.AsyncHTTPTransport(verify=False) as wire:
        with pytest.raises(ConnectFailed) as raised:
            await attempt(
                wire, httpx2.Request("GET", "http://web/"), instance(address=address), hold=True, closing=set()
            )
        assert not isinstance(raised.value, ConnectRefused)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpx2.ConnectTimeout("x"), ConnectFailed),
        (httpx2.PoolTimeout("x"), NeverSent),
        (httpx2.ReadTimeout("x"), ResponseLate),
        (httpx2.WriteTimeout("x"), ResponseLost),
        (httpx2.ReadError("x"), ResponseLost),
        (httpx2.WriteError("x"), ResponseLost),
        (httpx2.CloseError("x"), ResponseLost),
        (httpx2.RemoteProtocolError("Server disconnected without sending a response."), ResponseLost),
        (httpx2.RemoteProtocolError("peer closed connection without sending complete message body"), ResponseLost),
        (httpx2.RemoteProtocolError("illegal status line"), ResponseMalformed),
    ],
)
def test_what_an_error_means(error: httpx2.TransportError, failure: type[AttemptFailed]) -> None:
    assert type(translated(error)) is failure


# Bodies


@pytest.mark.parametrize("size", [0, 1, KEPT])
async def test_a_small_body_is_there_when_the_reply_is(size: int) -> None:
    async with line(in_turn(sends(response(b"x" * size)), closes)) as to:
        reply = await to.ask(hold=True)
        assert isinstance(reply.response.stream, httpx2.ByteStream)
        assert len(await body_of(reply)) == size


@pytest.mark.parametrize(
    "head", [f"content-length: {KEPT + 1}".encode(), b"transfer-encoding: chunked", b"x-no: length"]
)
async def test_a_large_or_endless_one_is_not_waited_for(head: bytes) -> None:
    async with line(sends(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")) as to:
        reply = await asyncio.wait_for(to.ask(hold=True), 30)
        assert reply.status == 200
        reply.discard()


async def test_an_encoded_body_is_passed_on_as_it_came() -> None:
    async with line(sends(response(b"\x1f\x8bnot really", content_encoding="gzip"))) as to:
        assert await body_of(await to.ask(hold=True)) == b"\x1f\x8bnot really"


async def test_a_head_without_a_body_is_no_body_to_hold() -> None:
    async with line(sends(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n")) as to:
        reply = await asyncio.wait_for(to.ask(httpx2.Request("HEAD", "http://web/"), hold=True), 30)
        assert await body_of(reply) == b""


# What nobody wants


@pytest.mark.parametrize("data", [response("abc"), response("abc")[:-2], b"HTTP/1.1 200 OK\r\n\r\nendless"])
async def test_a_reply_that_is_discarded_gives_its_connection_back(data: bytes) -> None:
    async with line(sends(data)) as to:
        for _ in range(5):
            (await to.ask()).discard()
            await asyncio.gather(*to.closing)
        assert to.connections <= 1
        assert to.closing == set()


async def test_a_reply_whose_connection_broke_can_be_discarded(caplog: pytest.LogCaptureFixture) -> None:
    async with line(sends(response("abc")[:-2], close=True)) as to:
        reply = await to.ask()
        await asyncio.sleep(0.01)
        reply.discard()
        await asyncio.gather(*to.closing)
        assert to.connections == 0
    del reply
    gc.collect()
    assert not [each for each in caplog.records if each.name == "asyncio"]


@pytest.mark.parametrize("behave", [hangs, sends(response("abc")[:-2])])
async def test_an_attempt_that_is_given_up_closes_its_connection(behave: Behaviour) -> None:
    async with line(behave) as to:
        attempts = [asyncio.create_task(to.ask(hold=True)) for _ in range(10)]
        while len(to.server.requests) < 10:
            await asyncio.sleep(0.01)
        for each in attempts:
            each.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
        assert to.connections == 0


async def test_the_head_may_take_as_long_as_the_deadline_and_the_body_a_minute_between_bytes() -> None:
    seen: list[float | None] = []

    class Wire(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            self.timeout = request.extensions["timeout"]
            seen.append(self.timeout["read"])
            return httpx2.Response(200, stream=httpx2.ByteStream(b""))

    wire = Wire()
    await attempt(wire, httpx2.Request("GET", "http://web/"), instance(), hold=False, closing=set())
    seen.append(wire.timeout["read"])
    assert seen == [None, 60.0]
