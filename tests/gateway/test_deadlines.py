"""Clients and instances that keep us waiting, and those that only seem to."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest

from .front import Client, front
from .instances import Side, answer, echoes, hangs, measures_once, raw_instance, says
from .waiting import a_few_turns, until

HELLO = answer(b"hello")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MEGABYTE = 1 << 20


def post(*fields: bytes) -> bytes:
    return b"\r\n".join([b"POST / HTTP/1.1", b"Host: a", *fields, b"", b""])


@pytest.mark.parametrize("before", [b"", GET], ids=["first", "second"])
@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX"])
async def test_a_head_that_does_not_end_gets_408(before: bytes, begun: bytes) -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        await client.say(before + begun)
        if before:
            await client.answer()
        await until(lambda: gateway.listeners and gateway.listeners[0].reader.is_in_head)
        gateway.sweep(ahead=9.9)
        await a_few_turns()
        assert not client.reader.at_eof()
        gateway.sweep(ahead=10.1)
        got = await client.answer()
        assert (got.status, got.one(b"connection")) == (HTTPStatus.REQUEST_TIMEOUT, b"close")
        assert await client.rest() == b""


async def test_five_hundred_heads_a_byte_at_a_time_do_not_last() -> None:
    """Each byte is no new beginning."""
    async with raw_instance(says(HELLO)) as web, front(web) as gateway:
        clients = [gateway.client() for _ in range(500)]
        entered: list[Client] = [await each.__aenter__() for each in clients]
        for turn in range(3):
            for each in entered:
                await each.say(b"GET"[turn : turn + 1])
            await until(lambda: sum(each.reader.is_in_head for each in gateway.listeners) == 500)
            gateway.sweep(ahead=turn * 3.0)
        assert (await gateway.ask(GET)).body == b"hello"
        gateway.sweep(ahead=10.5)
        assert {(await each.answer()).status for each in entered} == {408}
        for context in clients:
            await context.__aexit__(None, None, None)


async def test_a_client_that_says_nothing_is_let_go() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        await until(lambda: gateway.listeners)
        gateway.sweep(ahead=10.1)
        assert await client.rest() == b""


async def test_between_requests_a_connection_may_rest_for_longer() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        await client.say(GET)
        await client.answer()
        gateway.sweep(ahead=74.0)
        await client.say(GET)
        assert (await client.answer()).body == b"hello"
        gateway.sweep(ahead=76.0)
        assert await client.rest() == b""


async def test_a_small_body_that_stops_gets_408() -> None:
    async with raw_instance(echoes) as web, front(web) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 10") + b"hello")
        await until(lambda: gateway.listeners and gateway.listeners[0].reader.is_in_body)
        gateway.sweep(ahead=59.0)
        await a_few_turns()
        assert not client.reader.at_eof()
        gateway.sweep(ahead=61.0)
        assert (await client.answer()).status == 408
        assert await client.rest() == b""
        assert not web.requests


async def test_a_large_body_that_stops_gets_408_and_the_instance_half_of_it() -> None:
    async with raw_instance(echoes) as web, front(web, deadline=1000.0) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 500000") + b"x" * 200_000)
        await until(lambda: web.open)
        await a_few_turns()
        gateway.sweep(ahead=61.0)
        assert (await client.answer()).status == 408
        await until(lambda: not web.open)
        assert not web.requests


async def test_an_upload_that_the_instance_does_not_take_is_not_the_clients_fault() -> None:
    taken = asyncio.Event()

    async def slow(side: Side) -> None:
        await taken.wait()
        await side.say(answer(b"%d" % len((await side.request()).body)))

    size = 8 * MEGABYTE
    async with (
        raw_instance(slow, rcvbuf=4096) as web,
        front(web, body_limit=size, deadline=1000.0, rcvbuf=4096) as gateway,
        gateway.client() as client,
    ):
        saying = asyncio.create_task(client.say(post(b"Content-Length: %d" % size), *[b"x" * MEGABYTE] * 8))
        await until(lambda: gateway.listeners and not gateway.listeners[0].transport.is_reading())
        gateway.sweep(ahead=500.0)
        await a_few_turns()
        assert not saying.done()
        taken.set()
        assert (await client.answer()).body == b"%d" % size
        await saying


async def test_a_request_under_way_is_not_hurt_by_half_a_head_behind_it() -> None:
    let_go = asyncio.Event()

    async def held(side: Side) -> None:
        while True:
            await side.request()
            await let_go.wait()
            await side.say(HELLO)

    async with raw_instance(held) as web, front(web, deadline=1000.0) as gateway, gateway.client() as client:
        await client.say(GET + GET[:10])
        await until(lambda: web.requests)
        gateway.sweep(ahead=100.0)
        let_go.set()
        assert (await client.answer()).body == b"hello"
        await client.say(GET[10:])
        assert (await client.answer()).body == b"hello"


async def test_half_a_head_behind_a_request_gets_its_time_once_that_is_answered() -> None:
    async with raw_instance(says(HELLO)) as web, front(web) as gateway, gateway.client() as client:
        await client.say(GET + GET[:10])
        await client.answer()
        await a_few_turns()
        gateway.sweep(ahead=10.1)
        assert (await client.answer()).status == 408


async def pours(side: Side) -> None:
    """A body without end."""
    await side.request()
    await side.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await side.say(b"10000\r\n" + b"x" * 65536 + b"\r\n")


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    async with raw_instance(pours) as web, front(web) as gateway, gateway.client(rcvbuf=4096) as client:
        await client.say(GET)
        await until(lambda: gateway.listeners and gateway.listeners[0].transport.get_write_buffer_size())
        await a_few_turns()
        gateway.sweep(ahead=0.0)
        gateway.sweep(ahead=59.0)
        await a_few_turns()
        assert gateway.in_flight == 1
        gateway.sweep(ahead=61.0)
        await until(lambda: gateway.is_quiet and not web.open)
        with pytest.raises(ConnectionResetError):
            await client.rest()


async def test_a_client_that_reads_slowly_is_served() -> None:
    """Something moves between any two looks at it, though they are almost a minute apart."""
    size = 3 * MEGABYTE
    async with (
        raw_instance(says(answer(b"x" * size))) as web,
        front(web) as gateway,
        gateway.client(rcvbuf=4096) as client,
    ):
        await client.say(GET)
        await client.until(b"\r\n\r\n")
        (listener,) = gateway.listeners
        got, ahead = 0, 0.0
        while got < size:
            unread = listener.transport.get_write_buffer_size()
            while got < size and listener.transport.get_write_buffer_size() == unread:
                got += len(await client.some(65536))
                await asyncio.sleep(0.001)
            ahead += 50.0
            gateway.sweep(ahead=ahead)
        assert got == size


async def test_a_whole_answer_that_nobody_reads_does_not_stay_either() -> None:
    """Small enough for the transport, too large for the client's window; the request itself is over."""
    large = raw_instance(says(answer(b"x" * 4 * MEGABYTE)))
    async with large as web, front(web) as gateway, gateway.client(rcvbuf=4096) as client:
        await client.say(GET)
        await until(lambda: gateway.listeners and gateway.listeners[0].transport.get_write_buffer_size())
        for ahead in (0.0, 61.0):
            gateway.sweep(ahead=ahead)
        await until(lambda: gateway.is_quiet)


async def test_an_instance_that_never_answers_costs_its_deadline() -> None:
    async with raw_instance(hangs) as web, front(web, deadline=0.2) as gateway, gateway.client() as client:
        await client.say(GET)
        got = await client.answer()
        assert got.status == 504
        await until(lambda: not web.open)


@pytest.mark.parametrize(
    "body", [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhello", b"HTTP/1.1 200 OK\r\n\r\nhello"]
)
async def test_a_body_that_stalls_is_broken_off(body: bytes) -> None:
    async def stalls(side: Side) -> None:
        await side.request()
        await side.say(body)
        await side.reader.read()

    async with raw_instance(stalls) as web, front(web) as gateway, gateway.client() as client:
        await client.say(GET)
        await client.until(b"hello")
        gateway.sweep(ahead=0.0)
        gateway.sweep(ahead=59.0)
        await a_few_turns()
        assert gateway.in_flight == 1
        gateway.sweep(ahead=61.0)
        with pytest.raises(ConnectionResetError):
            await client.rest()
        await until(lambda: not web.open)


async def test_a_byte_now_and_then_is_no_stall() -> None:
    wanted = asyncio.Semaphore(0)

    async def drips(side: Side) -> None:
        await side.request()
        await side.say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            await wanted.acquire()
            await side.say(b"x")

    async with raw_instance(drips) as web, front(web) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 0"))
        await client.until(b"\r\n\r\n")
        for turn in range(10):
            gateway.sweep(ahead=turn * 50.0)
            wanted.release()
            assert await client.exactly(1) == b"x"


async def test_a_response_that_the_client_does_not_take_is_not_the_instances_fault() -> None:
    """The client reads too seldom for us to read on, and just often enough not to be cut off."""
    async with raw_instance(pours) as web, front(web) as gateway, gateway.client(rcvbuf=4096) as client:
        await client.say(GET)
        for turn in range(1, 6):
            await until(lambda: gateway.listeners and gateway.listeners[0].transport.get_write_buffer_size())
            await a_few_turns()
            await client.exactly(MEGABYTE)
            gateway.sweep(ahead=turn * 59.0)
            assert gateway.in_flight == 1
        assert web.open


async def test_an_upload_a_byte_now_and_then_does_not_keep_an_instance_busy() -> None:
    """Each byte ends a stall; all of them together are no upload. And its client is let go, though it stays."""
    async with raw_instance(echoes) as web, front(web) as gateway, gateway.client() as client:
        await client.say(post(b"Content-Length: 1000000") + b"x" * 70_000)
        await until(lambda: gateway.in_flight)
        second = 0
        while gateway.in_flight:
            second += 1
            await client.say(b"x")
            await a_few_turns()
            gateway.sweep(ahead=second * 1.0)
        assert 20 <= second <= 25
        assert (await client.answer()).status == 408
        for more in range(1, 5):
            gateway.sweep(ahead=second + more * 1.0)
            await a_few_turns()
        assert not gateway.connections


async def test_a_body_that_waits_unread_behind_a_slow_request_has_not_come_slowly() -> None:
    let_go = asyncio.Event()
    ahead = [post(b"Content-Length: 1") + b"x"] * 20
    async with (
        raw_instance(measures_once(let_go)) as web,
        front(web, rcvbuf=4096) as gateway,
        gateway.client() as client,
    ):
        saying = asyncio.create_task(client.say(*ahead, post(b"Content-Length: 300000") + b"x" * 300_000))
        await until(lambda: web.requests)
        for second in range(1, 40):
            await a_few_turns()
            gateway.sweep(ahead=second * 1.0)
        let_go.set()
        assert [(await client.answer()).body for _ in ahead] == [b"1"] * len(ahead)
        await saying
        assert (await client.answer()).body == b"300000"
