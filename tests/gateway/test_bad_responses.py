"""Instances that answer what is no response: 502 and the next instance, never a piece of it for a client."""

from __future__ import annotations

import asyncio
import json

import pytest

from .front import front
from .instances import Side, answer, raw_instance, says, says_and_closes
from .waiting import a_few_turns, until

HELLO = answer(b"hello")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"


def ok(*fields: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *fields, b"", b""])


BAD = {
    "two lengths": ok(b"Content-Length: 5", b"Content-Length: 6") + b"hello",
    "the same length twice": ok(b"Content-Length: 5", b"Content-Length: 5") + b"hello",
    "a list of lengths": ok(b"Content-Length: 5, 5") + b"hello",
    "length and coding": ok(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
    "coding and length": ok(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"5\r\nhello\r\n0\r\n\r\n",
    "a negative length": ok(b"Content-Length: -5") + b"hello",
    "a length that is none": ok(b"Content-Length: five") + b"hello",
    "a length beyond all": ok(b"Content-Length: 99999999999999999999999") + b"hello",
    "another coding": ok(b"Transfer-Encoding: gzip") + b"hello",
    "two codings": ok(b"Transfer-Encoding: gzip, chunked") + b"5\r\nhello\r\n0\r\n\r\n",
    "chunked twice": ok(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.0 with chunks": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a status of 99": b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
    "a status of 099": b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
    "a status of 600": b"HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n",
    "a status of 1000": b"HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n",
    "a status that is none": b"HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"<html>hello</html>",
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "an escape in a field": ok(b"X-A: \x1b[2J", b"Content-Length: 0"),
    "NUL in a field": ok(b"X-A: a\x00b", b"Content-Length: 0"),
    "DEL in a field": ok(b"X-A: \x7f", b"Content-Length: 0"),
    "a bare carriage return": ok(b"X-A: a\rX-B: b", b"Content-Length: 0"),
    "a bare line feed": ok(b"X-A: a\nX-B: b", b"Content-Length: 0"),
    "a folded field": ok(b"X-A: a", b" b", b"Content-Length: 0"),
    "a space before the colon": ok(b"X-A : b", b"Content-Length: 0"),
    "no name": ok(b": b", b"Content-Length: 0"),
    "a name in another alphabet": ok(b"X-\xc3\xa9: b", b"Content-Length: 0"),
    "an upgrade that nobody asked for": b"HTTP/1.1 101 Hi\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    "a switch without a protocol": b"HTTP/1.1 101 Switching Protocols\r\n\r\nhello",
    "an interim response with a body": b"HTTP/1.1 199 Hm\r\nContent-Length: 5\r\n\r\nhello" + ok(b"Content-Length: 0"),
    "a chunk that is none": ok(b"Transfer-Encoding: chunked") + b"five\r\nhello\r\n0\r\n\r\n",
    "a head that is too large": ok(b"X-A: " + b"a" * 70_000, b"Content-Length: 0"),
}


@pytest.mark.parametrize("response", BAD.values(), ids=BAD.keys())
async def test_a_bad_response_is_a_bad_gateway(response: bytes) -> None:
    async with raw_instance(says(response)) as web, front(web) as gateway, gateway.client() as client:
        await client.say(POST)
        got = await client.answer()
        if b"hello" in got.body:  # its beginning was sound, and had been seen: it must not look whole
            raise AssertionError(got.raw)
        assert got.status == 502
        document = json.loads(got.body)
        assert [each["instance"] for each in document["attempts"]] == ["web-1"]
        await client.say(POST)
        assert (await client.answer()).status == 502
        assert web.connections == 2


@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize("response", BAD.values(), ids=BAD.keys())
async def test_a_bad_response_is_hidden_where_another_instance_may_be_asked(response: bytes) -> None:
    safe = ("urlprefix-/ replay=safe",)
    async with (
        raw_instance(says(response), name="bad", tags=safe) as bad,
        raw_instance(says(HELLO), name="good", tags=safe) as good,
        front(bad, good) as gateway,
    ):
        answers = [await gateway.ask(GET) for _ in range(6)]
        for each in answers:
            assert each.body == b"hello", each.raw
        assert bad.requests
        assert any(each.all(b"x-attempts") for each in answers)


async def test_a_head_that_never_ends_is_not_kept() -> None:
    async def pours(side: Side) -> None:
        await side.request()
        await side.say(b"HTTP/1.1 200 OK\r\nX-A: ", *[b"a" * 65536] * 1000)

    async with raw_instance(pours) as web, front(web) as gateway:
        assert (await gateway.ask(POST)).status == 502
        await until(lambda: not web.open)


async def test_interim_responses_that_never_end_are_not_waited_for() -> None:
    async def pours(side: Side) -> None:
        await side.request()
        await side.say(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 1000] * 1000)

    async with raw_instance(pours) as web, front(web) as gateway:
        assert (await gateway.ask(POST)).status == 502
        await until(lambda: not web.open)


@pytest.mark.parametrize("more", [b"more", b"HTTP/1.1 500 Injected\r\nContent-Length: 8\r\nX-Evil: 1\r\n\r\ninjected"])
@pytest.mark.parametrize(
    ("request_", "response", "body"),
    [
        (GET, HELLO, b"hello"),
        (GET, ok(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (GET, b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (GET, b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", b""),
        (HEAD, ok(b"Content-Length: 4"), b""),
        (HEAD, ok(b"Content-Length: 1000"), b""),
        (HEAD, ok(b"Transfer-Encoding: chunked"), b""),
    ],
)
async def test_more_than_was_announced_is_dropped_with_its_connection(
    request_: bytes, response: bytes, body: bytes, more: bytes
) -> None:
    """What it is left on the connection would be the answer to the next request, which may be another client's."""
    async with raw_instance(says(response + more)) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(3):
            await client.say(request_)
            got = await client.answer(bodiless=not body)
            assert got.status == int(response.split(b" ")[1])
            assert got.body == body
            assert not got.all(b"x-evil")
        assert web.connections == 3


@pytest.mark.parametrize("more", [b"more", b"HTTP/1.1 500 Injected\r\nContent-Length: 0\r\n\r\n"])
async def test_what_comes_unasked_on_an_idle_connection_ends_it(more: bytes) -> None:
    async def unasked(side: Side) -> None:
        await side.request()
        await side.say(HELLO)
        await a_few_turns()
        await side.say(more)
        await side.request()
        await side.say(HELLO)

    async with raw_instance(unasked) as web, front(web) as gateway:
        assert (await gateway.ask(GET)).body == b"hello"
        await until(lambda: not gateway.wire.open)
        assert (await gateway.ask(GET)).body == b"hello"
        assert web.connections == 2


@pytest.mark.parametrize(
    "response",
    [
        ok(b"Content-Length: 10") + b"hello",
        ok(b"Content-Length: 100000") + b"hello",
        ok(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
        ok(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n",
        ok(b"Transfer-Encoding: chunked") + b"9\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
    ],
)
async def test_a_response_that_breaks_off_never_looks_whole(response: bytes) -> None:
    """Nobody else can be asked: the client sees an error, or its connection broken."""
    async with raw_instance(says_and_closes(response)) as web, front(web) as gateway, gateway.client() as client:
        await client.say(POST)
        try:
            got = await client.answer()
        except (EOFError, ConnectionError):
            return
        assert got.status == 502
        assert web.requests


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("how", ["chunks", "until the end"])
async def test_a_stream_that_is_reset_is_reset_for_the_client(version: bytes, how: str) -> None:
    """A clean end would be the end of the body for an HTTP/1.0 client."""

    seen = asyncio.Event()

    async def breaks(side: Side) -> None:
        await side.request()
        if how == "chunks":
            await side.say(ok(b"Transfer-Encoding: chunked"), b"5\r\nhello\r\n")
        else:
            await side.say(ok(b"Content-Type: text/plain"), b"hello")
        await seen.wait()
        side.reset()

    async with raw_instance(breaks) as web, front(web) as gateway, gateway.client() as client:
        await client.say(b"GET / HTTP/" + version + b"\r\nHost: a\r\n\r\n")
        await client.until(b"hello")
        seen.set()
        with pytest.raises(ConnectionResetError):
            await client.rest()
