"""WebSocket, and whatever else two sides say to each other once they have agreed on it: byte for byte, both ways."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import struct
from contextlib import suppress

import pytest

from .front import Client, front
from .instances import BOOT, Act, Side, answer, raw_instance, says, signed
from .waiting import DEADLINE, a_few_turns, until

ASKS = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
ASKS += b"Sec-WebSocket-Key: eA==\r\n\r\n"
GRANTS = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
MEGABYTE = 1 << 20


def grants(*said: bytes, then: Act | None = None) -> Act:
    """An instance that agrees, says this at once, and then does something else."""

    async def act(side: Side) -> None:
        await side.head()
        await side.say(GRANTS + b"".join(said))
        await (then or repeats)(side)

    return act


async def repeats(side: Side) -> None:
    while data := await side.reader.read(65536):
        await side.say(data)


async def switched(client: Client) -> None:
    await client.say(ASKS)
    assert (await client.answer(bodiless=True)).status == 101


async def test_both_sides_see_what_they_need_to_agree() -> None:
    async with raw_instance(grants()) as web, front(web) as gateway, gateway.client() as client:
        await client.say(ASKS)
        got = await client.answer(bodiless=True)
        assert got.status == 101
        assert (got.one(b"connection"), got.one(b"upgrade")) == (b"upgrade", b"websocket")
        assert got.one(b"x-served-by") == b"web-1"
        assert (web.only.one(b"connection"), web.only.one(b"upgrade")) == (b"upgrade", b"websocket")
        assert web.only.one(b"sec-websocket-key") == b"eA=="
        assert web.only.one(b"x-forwarded-for") == b"127.0.0.1"


async def test_bytes_pass_in_both_directions() -> None:
    data = bytes(range(256)) * 40
    async with raw_instance(grants()) as web, front(web) as gateway, gateway.client() as client:
        await switched(client)
        for _ in range(20):
            await client.say(data)
            assert await client.exactly(len(data)) == data
        assert gateway.in_flight == 1  # the instance is busy with it, as with any other request


async def test_who_does_not_wait_for_the_other_loses_nothing() -> None:
    """The client speaks before it is granted, the instance in one piece with its agreement."""
    async with raw_instance(grants(b"welcome")) as web, front(web) as gateway, gateway.client() as client:
        await client.say(ASKS + b"first", b"second")
        assert (await client.answer(bodiless=True)).status == 101
        assert await client.exactly(18) == b"welcomefirstsecond"


async def test_a_message_of_a_real_websocket_comes_back() -> None:
    async with raw_instance(websocket_echo) as web, front(web) as gateway, gateway.client() as client:
        key = base64.b64encode(os.urandom(16))
        await client.say(ASKS.replace(b"eA==", key))
        assert (await client.answer(bodiless=True)).one(b"sec-websocket-accept") == accept(key)
        for text in (b"hello", b"x" * 200, "grüße".encode()):
            await client.say(frame(text, mask=os.urandom(4)))
            assert await read_frame(client.reader) == (0x1, text)
        await client.say(frame(struct.pack("!H", 1000), opcode=0x8, mask=os.urandom(4)))
        assert await read_frame(client.reader) == (0x8, struct.pack("!H", 1000))
        assert await client.rest() == b""


async def test_it_lasts_longer_than_every_deadline() -> None:
    async with raw_instance(grants()) as web, front(web) as gateway, gateway.client() as client:
        await switched(client)
        for hours in range(5):
            gateway.sweep(ahead=hours * 3600.0)
            await client.say(b"still here")
            assert await client.exactly(10) == b"still here"


async def test_a_client_that_has_said_all_still_hears_the_rest() -> None:
    async def listens_then_talks(side: Side) -> None:
        said = await side.reader.read()
        await side.say(b"you said ", said)

    async with raw_instance(grants(then=listens_then_talks)) as web, front(web) as gateway, gateway.client() as client:
        await switched(client)
        await client.say(b"goodbye")
        client.half_close()
        assert await client.rest() == b"you said goodbye"
        await until(lambda: not web.open)


async def test_an_instance_that_has_said_all_still_hears_the_rest() -> None:
    heard: list[bytes] = []

    async def talks_then_listens(side: Side) -> None:
        await side.say(b"goodbye")
        side.half_close()
        heard.append(await side.reader.read())

    async with raw_instance(grants(then=talks_then_listens)) as web, front(web) as gateway, gateway.client() as client:
        await switched(client)
        assert await client.rest() == b"goodbye"
        await client.say(b"thanks")
        client.half_close()
        await until(lambda: heard)
        assert heard == [b"thanks"]


async def test_when_both_have_said_all_nothing_is_left() -> None:
    ended = asyncio.Event()

    async def half_closes(side: Side) -> None:
        side.half_close()
        await side.reader.read()
        await ended.wait()

    async with raw_instance(grants(then=half_closes)) as web, front(web) as gateway, gateway.client() as client:
        await switched(client)
        client.half_close()
        assert await client.rest() == b""
        await until(lambda: gateway.is_quiet)
        assert web.open
        ended.set()


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_the_end_of_either_is_the_end_of_both(how: str) -> None:
    async def ends(side: Side) -> None:
        await side.reader.readexactly(3)
        if how == "reset":
            side.reset()

    async with raw_instance(grants(then=ends)) as web, front(web) as gateway, gateway.client() as client:
        await switched(client)
        await client.say(b"end")
        try:
            assert await client.rest() == b""
        except ConnectionError:
            assert how == "reset"
    async with raw_instance(grants()) as web, front(web) as gateway, gateway.client() as client:
        await switched(client)
        await until(lambda: web.open)
        if how == "reset":
            client.reset()
        else:
            client.go_away()
        await until(lambda: not web.open)


async def test_an_end_that_does_not_take_the_rest_is_not_waited_for() -> None:
    let_go = asyncio.Event()

    async def deaf(_side: Side) -> None:
        await let_go.wait()

    tiny = raw_instance(grants(then=deaf), rcvbuf=4096, limit=4096)
    async with tiny as web, front(web, rcvbuf=4096) as gateway, gateway.client() as client:
        await switched(client)
        saying = asyncio.create_task(client.say(*[b"x" * MEGABYTE] * 8))
        await a_few_turns()
        assert not saying.done()
        client.go_away()  # which nobody notices while nothing is read from it
        await asyncio.gather(saying, return_exceptions=True)
        async with asyncio.timeout(DEADLINE):
            while not gateway.is_quiet:
                await a_few_turns()
                gateway.sweep(ahead=gateway.ahead + 30.0)
        let_go.set()


async def test_a_gateway_that_leaves_ends_what_it_joined() -> None:
    async with raw_instance(grants()) as web, front(web) as gateway, gateway.client() as client:
        await switched(client)
        await client.say(b"last words")
        await client.exactly(10)
        gateway.shut_down()
        assert await client.rest() == b""
        await until(lambda: not web.open)


async def test_a_side_that_does_not_listen_slows_the_other_down() -> None:
    let_go = asyncio.Event()

    async def deaf(side: Side) -> None:
        await let_go.wait()
        total = 0
        while data := await side.reader.read(65536):
            total += len(data)
        await side.say(b"%d" % total)

    tiny = raw_instance(grants(then=deaf), rcvbuf=4096)
    async with tiny as web, front(web, rcvbuf=4096) as gateway, gateway.client() as client:
        await switched(client)
        saying = asyncio.create_task(client.say(*[b"x" * MEGABYTE] * 8))
        await a_few_turns()
        assert not saying.done()
        let_go.set()
        await saying
        client.half_close()
        assert await client.rest() == b"%d" % (8 * MEGABYTE)


async def test_what_comes_before_the_agreement_is_not_kept_without_limit() -> None:
    let_go = asyncio.Event()

    async def thinks(side: Side) -> None:
        await side.head()
        await let_go.wait()
        await side.say(GRANTS)
        total = 0
        while total < 8 * MEGABYTE:
            total += len(await side.reader.read(65536))
        await side.say(b"all of it")

    async with raw_instance(thinks) as web, front(web, rcvbuf=4096) as gateway, gateway.client() as client:
        await client.say(ASKS)
        saying = asyncio.create_task(client.say(*[b"x" * MEGABYTE] * 8))
        await until(lambda: web.requests)
        await a_few_turns()
        assert not saying.done()
        let_go.set()
        assert (await client.answer(bodiless=True)).status == 101
        assert await client.exactly(9) == b"all of it"
        await saying


@pytest.mark.parametrize("status", [b"403 Forbidden", b"200 OK", b"426 Upgrade Required"])
async def test_an_instance_may_decline(status: bytes) -> None:
    """What the client has said in the other protocol meanwhile is not read as HTTP."""
    declined = answer(b"no", b"Upgrade: websocket", status=status)
    async with raw_instance(says(declined)) as web, front(web) as gateway, gateway.client() as client:
        await client.say(ASKS + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        got = await client.answer()
        assert (got.status, got.body, got.one(b"connection")) == (int(status[:3]), b"no", b"close")
        assert not got.all(b"upgrade")
        with suppress(ConnectionError):  # what it said is still unread
            assert await client.rest() == b""
        assert len(web.requests) == 1


@pytest.mark.parametrize(
    "response",
    [
        GRANTS.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        GRANTS.replace(b"Upgrade: websocket\r\n", b""),
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
async def test_an_agreement_on_something_else_is_none(response: bytes) -> None:
    async with raw_instance(says(response)) as web, front(web) as gateway:
        assert (await gateway.ask(ASKS)).status == 502
        await until(lambda: not web.open)


async def test_a_strangers_agreement_is_none_and_leaves_nothing_open() -> None:
    stranger = GRANTS[:-2] + signed("other-7") + b"\r\n\r\n"

    async def agrees(side: Side) -> None:
        await side.head()
        await side.say(stranger)
        await side.reader.read()

    async with raw_instance(agrees, boot=BOOT) as web, front(web) as gateway:
        assert (await gateway.ask(ASKS)).status in (502, 503)
        await until(lambda: not web.open)


async def test_a_client_that_goes_before_the_agreement_leaves_nothing_open() -> None:
    """At every moment between the request and the agreement."""
    for turns in range(12):

        async def agrees(side: Side) -> None:
            await side.head()
            await side.say(GRANTS)
            await side.reader.read()

        async with raw_instance(agrees) as web, front(web) as gateway:
            async with gateway.client() as client:
                await client.say(ASKS)
                for _ in range(turns):
                    await asyncio.sleep(0)
            await until(lambda: gateway.is_quiet)
            await until(lambda: not web.open)


@pytest.mark.parametrize(
    "request_",
    [
        ASKS.replace(b"keep-alive, Upgrade", b"keep-alive"),
        ASKS.replace(b"HTTP/1.1", b"HTTP/1.0"),
        ASKS.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"),
        ASKS.replace(b"WebSocket\r\n", b"WebSocket, h2c\r\n"),
    ],
)
async def test_a_request_that_does_not_really_ask_is_an_ordinary_one(request_: bytes) -> None:
    async with raw_instance(says(answer(b"hello"))) as web, front(web) as gateway:
        got = await gateway.ask(request_)
        assert (got.status, got.body) == (200, b"hello")
        assert not web.only.all(b"upgrade")
        assert not web.only.all(b"connection")


async def test_a_request_with_a_body_asks_for_nothing_else() -> None:
    async with raw_instance(says(answer(b"hello"))) as web, front(web) as gateway:
        got = await gateway.ask(ASKS.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n") + b"hello")
        assert got.status == 400
        assert not web.requests


# A WebSocket by hand (RFC 6455)


def accept(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())


def frame(payload: bytes, *, opcode: int = 0x1, mask: bytes = b"") -> bytes:
    head = bytes([0x80 | opcode])
    masked = 0x80 if mask else 0
    head += (
        bytes([masked | len(payload)])
        if len(payload) < 126
        else bytes([masked | 126]) + struct.pack("!H", len(payload))
    )
    if mask:
        payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return head + mask + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    mask = await reader.readexactly(4) if second & 0x80 else b"\x00" * 4
    payload = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


async def websocket_echo(side: Side) -> None:
    key = (await side.head()).one(b"sec-websocket-key")
    await side.say(GRANTS[:-2] + b"Sec-WebSocket-Accept: " + accept(key) + b"\r\n\r\n")
    while True:
        opcode, payload = await read_frame(side.reader)
        await side.say(frame(payload, opcode=opcode))
        if opcode == 0x8:
            return
