"""Input that is no request, or one that must not go on: a clear answer, the end, and nobody behind us sees it."""

from __future__ import annotations

import json

import pytest

from .front import Front, front
from .instances import answer, echoes, hangs, raw_instance, says
from .raw import Message

HELLO = answer(b"hello")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*fields: bytes) -> bytes:
    return b"\r\n".join([b"POST / HTTP/1.1", b"Host: a", *fields, b"", b""])


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked") + body


async def refusal(gateway: Front, data: bytes) -> Message:
    """The one answer that the gateway gives before it closes, which says so."""
    async with gateway.client() as client:
        await client.say(data)
        response = await client.answer()
        assert await client.rest() == b""
    assert response.one(b"content-type") == b"application/problem+json"
    assert response.one(b"connection") == b"close"
    assert response.one(b"date")
    document = json.loads(response.body)
    assert document["status"] == response.status
    assert document["title"]
    assert document["detail"]
    return response


SMUGGLING = {
    "length and coding": post(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + GET,
    "coding and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 4") + b"0\r\n\r\n" + GET,
    "two lengths": post(b"Content-Length: 4", b"Content-Length: 5") + b"hello",
    "the same length twice": post(b"Content-Length: 5", b"Content-Length: 5") + b"hello",
    "a list of lengths": post(b"Content-Length: 5, 5") + b"hello",
    "a negative length": post(b"Content-Length: -1") + b"hello",
    "a signed length": post(b"Content-Length: +5") + b"hello",
    "a huge length": post(b"Content-Length: 18446744073709551621") + b"hello",
    "chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunked twice in one field": post(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "a coding with a space before the colon": post(b"Transfer-Encoding : chunked") + b"0\r\n\r\n" + GET,
    "a coding with a control character": post(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n" + GET,
    "a folded coding": post(b"Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n" + GET,
    "a bare line feed in a field": post(b"X-A: b\nTransfer-Encoding: chunked") + b"0\r\n\r\n" + GET,
    "a bare carriage return in a field": post(b"X-A: b\rTransfer-Encoding: chunked") + b"0\r\n\r\n" + GET,
    "a chunk size with a sign": chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size that is none": chunked(b"five\r\nhello\r\n0\r\n\r\n"),
    "a chunk that is longer than it says": chunked(b"3\r\nhello\r\n0\r\n\r\n"),
    "a chunk that ends with a bare line feed": chunked(b"5\r\nhello\n0\r\n\r\n"),
    "a chunk size that overflows": chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "HTTP/1.0 with chunks": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET,
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "an empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "a Host that is a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "another Host than the target's": b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target of another scheme": b"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target of an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in the target": b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes beyond ASCII in the target": b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "NUL in a field": post(b"X-A: \x00"),
    "line feeds alone": b"GET / HTTP/1.1\nHost: a\n\n",
}


@pytest.mark.parametrize("data", SMUGGLING.values(), ids=SMUGGLING.keys())
async def test_what_servers_read_differently_is_refused_and_ends_the_connection(data: bytes) -> None:
    async with raw_instance(hangs) as web, front(web) as gateway:
        assert (await refusal(gateway, data)).status == 400
        assert not any(request.target != b"/" or request.start.startswith(b"GET") for request in web.requests)
    assert all(request.body == b"" for request in web.requests)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n\x16\x03\x01", 501),
        (b"CONNECT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + GET, 501),
        (b"\x16\x03\x01\x02\x00\x01\x00", 501),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (post(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501),
        (post(b"Transfer-Encoding: gzip") + b"0\r\n\r\n", 501),
        (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /" + b"a" * 50_000, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 33_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x" * 50_000, 431),
    ],
)
async def test_other_refusals_say_what_is_wrong(data: bytes, status: int) -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        assert (await refusal(gateway, data)).status == status
        assert not web.requests


async def test_trace_is_refused_and_shows_nothing() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        refused = await refusal(gateway, b"TRACE / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n")
        assert refused.status == 501
        assert b"secret" not in refused.raw
        assert not web.requests


async def test_what_is_asked_for_in_vain_does_not_end_the_connection() -> None:
    async with raw_instance(says(HELLO), tags=("urlprefix-/here",)) as web, front(web) as gateway:
        async with gateway.client() as client:
            for _ in range(3):
                await client.say(GET)
                assert (await client.answer()).status == 404
            await client.say(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await client.answer(bodiless=True)).status == 404
            await client.say(GET.replace(b"/ ", b"/here "))
            assert (await client.answer()).body == b"hello"
        assert len(web.requests) == 1


@pytest.mark.parametrize("said", [b"200-ok", b"100-continue, 200-ok", b"x"])
async def test_an_unknown_expectation_fails(said: bytes) -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        got = await gateway.ask(post(b"Expect: " + said, b"Content-Length: 0"))
        assert got.status == 417
        assert not web.requests


async def test_a_body_that_breaks_off_in_the_middle_reaches_nobody_whole() -> None:
    """It streams, so the instance sees its beginning; what it sees next is the end of the connection."""
    piece = b"%x\r\n%b\r\n" % (70_000, b"x" * 70_000)
    async with raw_instance(echoes) as web, front(web) as gateway:
        async with gateway.client() as client:
            await client.say(post(b"Transfer-Encoding: chunked") + piece)
            await client.say(b"nonsense\r\n")
            assert (await client.answer()).status == 400
            assert await client.rest() == b""
        assert not web.requests


async def test_a_problem_never_repeats_what_was_said() -> None:
    async with raw_instance(says(HELLO), tags=("urlprefix-/here",)) as web, front(web) as gateway:
        for data in (b"GET /<script>\x00 HTTP/1.1\r\n\r\n", b"GET /<script> HTTP/1.1\r\nHost: <script>\r\n\r\n"):
            assert b"script" not in await gateway.exchange(data)
        assert b"script" not in (await gateway.ask(b"GET /<script> HTTP/1.1\r\nHost: a\r\n\r\n")).raw
