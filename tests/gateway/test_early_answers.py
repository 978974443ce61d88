"""Answers that come before the whole request: bodies nobody wants, and clients that ask before they send one."""

from __future__ import annotations

import asyncio

import pytest

from .front import Client, front
from .instances import Side, answer, echoes, hangs, raw_instance, says
from .waiting import a_few_turns, until

HELLO = answer(b"hello")
LIMIT = 1 << 16
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def post(*fields: bytes, target: bytes = b"/") -> bytes:
    return b"\r\n".join([b"POST " + target + b" HTTP/1.1", b"Host: a", *fields, b"", b""])


async def pour(client: Client, piece: bytes) -> None:
    """Until nobody takes it any more."""
    try:
        while True:
            await client.say(piece)
    except ConnectionError:
        pass


@pytest.mark.parametrize("expects", [True, False])
async def test_a_body_whose_length_is_over_the_limit_is_refused_by_its_head(expects: bool) -> None:
    fields = [b"Content-Length: %d" % (LIMIT + 1)] + [b"Expect: 100-continue"] * expects
    async with raw_instance(says(HELLO)) as web, front(web, body_limit=LIMIT) as gateway:
        async with gateway.client() as client:
            await client.say(post(*fields))
            got = await client.answer()
            assert (got.status, got.one(b"connection")) == (413, b"close")
            assert await client.rest() == b""
        assert not web.requests


async def test_a_body_of_exactly_the_limit_passes() -> None:
    async with raw_instance(echoes) as web, front(web, body_limit=LIMIT) as gateway:
        got = await gateway.ask(post(b"Content-Length: %d" % LIMIT) + b"x" * LIMIT)
        assert got.body == b"x" * LIMIT


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_client_that_goes_on_sending_sees_the_refusal(framing: str) -> None:
    """It sends megabytes before it reads: a connection that were closed at once would be reset under its answer."""
    if framing == "length":
        head, piece = post(b"Content-Length: 100000000"), b"x" * 65536
    else:
        head, piece = post(b"Transfer-Encoding: chunked"), b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with raw_instance(echoes) as web, front(web, body_limit=LIMIT) as gateway, gateway.client() as client:
        await client.say(head, *[piece] * 100)
        assert (await client.answer()).status == 413
        assert await client.rest() == b""
        assert not web.requests


async def test_one_that_never_stops_sending_is_cut_off() -> None:
    async with raw_instance(says(HELLO)) as web, front(web, body_limit=LIMIT) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 100000000"))
        pouring = asyncio.create_task(pour(client, b"x" * 65536))
        assert (await client.answer()).status == 413
        gateway.sweep(ahead=1.9)
        await a_few_turns()
        assert not pouring.done()
        gateway.sweep(ahead=2.1)
        await pouring
        assert not web.requests


async def test_a_body_over_the_limit_is_found_while_it_streams() -> None:
    """The instance has seen its beginning; it sees the end of the connection instead of the end of the body."""
    async with raw_instance(echoes) as web, front(web, body_limit=1 << 18) as gateway, gateway.client() as client:
        await client.say(post(b"Transfer-Encoding: chunked"))
        await client.say(*[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 5)
        got = await client.answer()
        assert got.status == 413
        await until(lambda: not web.open)
        assert not web.requests


async def test_an_answer_that_has_begun_is_broken_off_when_the_body_turns_out_bad() -> None:
    """An instance may answer while it is still being told; then nobody can take the answer back."""

    async def talks(side: Side) -> None:
        await side.head()
        await side.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await side.reader.read()

    async with raw_instance(talks) as web, front(web, body_limit=1 << 18) as gateway, gateway.client() as client:
        await client.say(post(b"Transfer-Encoding: chunked"), b"5\r\nhello\r\n")
        await client.until(b"hello\r\n")
        await client.say(b"nonsense\r\n")
        with pytest.raises(ConnectionError):
            await client.rest()
        await until(lambda: not web.open)


@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad Request", b"503 Service Unavailable"])
async def test_an_instance_may_answer_before_it_has_the_body(status: bytes) -> None:
    async def early(side: Side) -> None:
        await side.head()
        await side.say(answer(b"early", status=status))
        await side.reader.read()

    async with raw_instance(early) as web, front(web) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 500000") + b"x" * 100_000)
        got = await client.answer()
        assert (got.status, got.body) == (int(status[:3]), b"early")
        assert got.one(b"connection") == b"close"
        assert await client.rest() == b""
        await until(lambda: not web.open)


async def test_what_has_no_route_is_refused_without_its_body() -> None:
    here = raw_instance(says(HELLO), tags=("urlprefix-/here",))
    async with here as web, front(web) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 500000", target=b"/nowhere"))
        got = await client.answer()
        assert (got.status, got.one(b"connection")) == (404, b"close")
        assert await client.rest() == b""


async def test_a_client_is_encouraged_when_its_body_is_wanted() -> None:
    async with raw_instance(echoes) as web, front(web) as gateway, gateway.client() as client:
        for _ in range(2):
            await client.say(post(b"Content-Length: 5", b"Expect: 100-Continue"))
            assert await client.exactly(len(CONTINUE)) == CONTINUE
            await client.say(b"hello")
            assert (await client.answer()).body == b"hello"
        assert not web.requests[0].all(b"expect")


async def test_a_large_body_is_encouraged_too_and_streams() -> None:
    async with raw_instance(echoes) as web, front(web) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 200000", b"Expect: 100-continue"))
        assert await client.exactly(len(CONTINUE)) == CONTINUE
        await client.say(b"x" * 200_000)
        got = await client.answer()
        assert len(got.body) == 200_000
        assert not got.all(b"connection")


@pytest.mark.parametrize("target", [b"/nowhere", b"/%00"])
async def test_a_client_is_not_encouraged_when_its_body_is_not_wanted(target: bytes) -> None:
    async with raw_instance(echoes, tags=("urlprefix-/here",)) as web, front(web) as gateway:
        got = await gateway.exchange(post(b"Content-Length: 5", b"Expect: 100-continue", target=target))
        assert not got.startswith(CONTINUE)
        assert b"connection: close" in got
        assert not web.requests


async def test_without_a_body_there_is_nothing_to_encourage() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        got = await gateway.ask(post(b"Content-Length: 0", b"Expect: 100-continue"))
        assert got.status == 200


async def test_encouragement_waits_for_the_answers_before_it() -> None:
    async with raw_instance(echoes) as web, front(web) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 3") + b"one" + post(b"Content-Length: 3", b"Expect: 100-continue"))
        assert (await client.answer()).body == b"one"
        assert await client.exactly(len(CONTINUE)) == CONTINUE
        await client.say(b"two")
        assert (await client.answer()).body == b"two"


async def test_a_client_that_changes_its_mind_leaves_nothing_behind() -> None:
    async with raw_instance(hangs) as web, front(web) as gateway:
        async with gateway.client() as client:
            await client.say(post(b"Content-Length: 200000", b"Expect: 100-continue"))
            await client.exactly(len(CONTINUE))
        await until(lambda: gateway.is_quiet and not web.open)
