"""Bodies that stream: passed on as they come, held back when nobody takes them, and never mixed up."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack
from random import Random

import httpx2
import pytest

from .front import Front, front
from .instances import Side, answer, echoes, raw_instance
from .waiting import DEADLINE, a_few_turns, until

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MEGABYTE = 1 << 20
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def upload(body: bytes, *fields: bytes) -> bytes:
    head = [b"POST / HTTP/1.1", b"Host: a", b"Content-Length: %d" % len(body), *fields, b"", b""]
    return b"\r\n".join(head) + body


class Ticker:
    """An instance whose every connection gets an event for each `tick`."""

    def __init__(self, *, chunked: bool) -> None:
        self._chunked = chunked
        self._ticks = asyncio.Semaphore(0)
        self.sent = 0

    def tick(self) -> None:
        self._ticks.release()

    async def __call__(self, side: Side) -> None:
        await side.request()
        await side.say(EVENTS + (b"Transfer-Encoding: chunked\r\n\r\n" if self._chunked else b"\r\n"))
        while True:
            await self._ticks.acquire()
            self.sent += 1
            event = b"data: %d\n\n" % self.sent
            await side.say(b"%x\r\n%b\r\n" % (len(event), event) if self._chunked else event)


@pytest.mark.parametrize("chunked", [True, False])
async def test_events_pass_one_by_one_as_they_come_for_longer_than_every_deadline(chunked: bool) -> None:
    ticker = Ticker(chunked=chunked)
    async with (
        raw_instance(ticker) as web,
        front(web, deadline=0.2) as gateway,
        httpx2.AsyncClient(timeout=DEADLINE, trust_env=False) as http,
        http.stream("GET", "http://{}:{}/".format(*gateway.address)) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream"
        events = response.aiter_lines()
        for number in range(1, 20):
            gateway.sweep(ahead=number * 50.0)
            ticker.tick()
            assert await anext(events) == f"data: {number}"
            assert await anext(events) == ""
            assert ticker.sent == number
            if number == 10:
                await asyncio.sleep(0.3)  # beyond the deadline for heads, which is over


async def test_a_client_that_has_heard_enough_leaves_nothing_behind() -> None:
    async def never_ends(side: Side) -> None:
        await side.request()
        await side.say(EVENTS + b"\r\ndata: 1\n\n")
        await side.reader.read()

    async with raw_instance(never_ends) as web, front(web) as gateway:
        for _ in range(10):
            async with gateway.client() as client:
                await client.say(GET)
                await client.until(b"\n\n")
        await until(lambda: gateway.is_quiet and not web.open and not gateway.wire.open)


@pytest.mark.parametrize("framing", ["length", "chunks", "end"])
async def test_large_responses_pass_whole(framing: str) -> None:
    body = Random(1).randbytes(3 * MEGABYTE + 7)

    async def sends(side: Side) -> None:
        await side.request()
        match framing:
            case "length":
                await side.say(answer(body))
            case "chunks":
                await side.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for start in range(0, len(body), 100_000):
                    piece = body[start : start + 100_000]
                    await side.say(b"%x\r\n%b\r\n" % (len(piece), piece))
                await side.say(b"0\r\n\r\n")
            case "end":
                await side.say(b"HTTP/1.1 200 OK\r\n\r\n", body)

    async with raw_instance(sends) as web, front(web) as gateway:
        assert (await gateway.ask(GET)).body == body


async def test_a_client_that_reads_slowly_does_not_make_the_gateway_keep_what_it_does_not_read() -> None:
    """The instance is held back: what it could send is what fits into a few buffers, of 64 megabytes."""
    sent = 0

    async def sends(side: Side) -> None:
        nonlocal sent
        await side.request()
        await side.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MEGABYTE))
        while sent < 64 * MEGABYTE:
            await side.say(b"x" * 65536)
            sent += 65536

    async with raw_instance(sends) as web, front(web) as gateway, gateway.client(rcvbuf=4096) as client:
        await client.say(GET)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)
        (listener,) = gateway.listeners
        assert listener.transport.get_write_buffer_size() < 1 * MEGABYTE
        assert sent < 24 * MEGABYTE
        client.go_away()


async def test_an_instance_that_takes_an_upload_slowly_does_not_make_the_gateway_keep_it() -> None:
    let_go = asyncio.Event()

    async def held(side: Side) -> None:
        await let_go.wait()
        await side.say(answer(b"%d" % len((await side.request()).body)))

    size = 32 * MEGABYTE
    tiny = raw_instance(held, rcvbuf=4096, limit=4096)
    async with (
        tiny as web,
        front(web, body_limit=size, deadline=100.0, rcvbuf=4096) as gateway,
        gateway.client() as client,
    ):
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
        saying = asyncio.create_task(client.say(head, *[b"x" * 65536] * 512))
        await until(lambda: gateway.listeners and not gateway.listeners[0].transport.is_reading())
        await a_few_turns()
        assert not saying.done()
        saying.cancel()
        client.go_away()
        let_go.set()


async def test_a_hundred_uploads_at_once_arrive_whole() -> None:
    async def digests(side: Side) -> None:
        while True:
            await side.say(answer(hashlib.sha256((await side.request()).body).hexdigest().encode()))

    async def sends(gateway: Front, number: int) -> tuple[bytes, bytes]:
        body = Random(number).randbytes(MEGABYTE)
        async with gateway.client() as client:
            whole = upload(body)
            await client.say(*(whole[start : start + 100_000] for start in range(0, len(whole), 100_000)))
            return (await client.answer()).body, hashlib.sha256(body).hexdigest().encode()

    async with raw_instance(digests) as web, front(web, deadline=100.0) as gateway:
        outcomes = await asyncio.gather(*(sends(gateway, number) for number in range(100)))
        assert [got for got, _ in outcomes] == [wanted for _, wanted in outcomes]


async def test_both_directions_may_stream_at_once() -> None:
    """What the instance says of the beginning of an upload is here before the upload has ended."""

    async def answers_while_it_listens(side: Side) -> None:
        await side.head()
        await side.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            size = int(await side.reader.readuntil(b"\r\n"), 16)
            data = (await side.reader.readexactly(size + 2))[:-2]
            await side.say(b"%x\r\n%b\r\n" % (size, data))
            if not size:
                return

    async with raw_instance(answers_while_it_listens) as web, front(web) as gateway, gateway.client() as client:
        await client.say(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.say(b"5\r\nfirst\r\n")
        head = await client.answer(bodiless=True)
        assert head.status == 200
        assert await client.exactly(10) == b"5\r\nfirst\r\n"
        await client.say(b"6\r\nsecond\r\n")
        assert await client.exactly(11) == b"6\r\nsecond\r\n"
        await client.say(b"0\r\n\r\n")
        assert await client.exactly(5) == b"0\r\n\r\n"


async def test_a_client_that_goes_in_the_middle_of_an_upload_ends_it_for_the_instance() -> None:
    async with raw_instance(echoes) as web, front(web) as gateway:
        for _ in range(10):
            async with gateway.client() as client:
                await client.say(upload(b"x" * 500_000)[:300_000])
                await until(lambda: web.open)
            await until(lambda: not web.open)
        assert not web.requests


async def test_two_hundred_half_bodies_cost_nothing_once_their_clients_are_gone() -> None:
    """Small ones that are waited for whole, and large ones that an instance has half of."""
    async with raw_instance(echoes) as web, front(web, deadline=1000.0) as gateway:
        async with AsyncExitStack() as stack:
            for number in range(200):
                client = await stack.enter_async_context(gateway.client())
                body = b"x" * (1000 + 1000 * number)
                await client.say(upload(body)[: len(body) // 2])
            await until(lambda: sum(each.reader.is_in_body for each in gateway.listeners) == 200)
            assert web.connections
        await until(lambda: gateway.is_quiet and not web.open)
        assert not web.requests
