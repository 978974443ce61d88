"""The link itself: what it does to a connection is what a network does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.http_server import sends, tiny_server
from tests.fakes.link import Link, link

ASKS = b"GET / HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def linked(answer: bytes = b"hello") -> AsyncIterator[Link]:
    async with tiny_server(sends(answer)) as server, link(server.port) as made:
        yield made


@asynccontextmanager
async def caller(to: Link) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", to.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def hears(reader: asyncio.StreamReader, seconds: float) -> bytes | None:
    try:
        return await asyncio.wait_for(reader.read(100), seconds)
    except TimeoutError:
        return None


async def test_a_whole_link_is_not_noticed() -> None:
    async with linked() as way, caller(way) as (reader, writer):
        for _ in range(3):
            writer.write(ASKS)
            assert await reader.readexactly(5) == b"hello"
        assert way.connections == 1
        writer.write_eof()
        assert await reader.read() == b""


async def test_a_slow_one_delays_both_directions_and_not_each_piece_behind_the_other() -> None:
    async with linked() as way, caller(way) as (reader, writer):
        way.delay(0.2)
        began = time.monotonic()
        writer.write(ASKS * 10)
        await reader.readexactly(50)
        assert 0.4 <= time.monotonic() - began < 1.5


async def test_a_cut_one_resets_and_refuses_until_it_is_healed() -> None:
    async with linked() as way:
        async with caller(way) as (reader, writer):
            writer.write(ASKS)
            await reader.readexactly(5)
            way.cut()
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", way.port)
        await way.heal()
        async with caller(way) as (reader, writer):
            writer.write(ASKS)
            assert await reader.readexactly(5) == b"hello"


async def test_one_can_be_cut_in_the_middle_of_an_answer() -> None:
    async with linked() as way, caller(way) as (reader, writer):
        way.cut_after(3)
        writer.write(ASKS)
        assert await reader.readexactly(3) == b"hel"
        with pytest.raises(ConnectionResetError):
            await reader.read(1)


async def test_a_dark_one_says_nothing_at_all_and_goes_on_where_it_was() -> None:
    async with linked() as way, caller(way) as (reader, writer):
        way.go_dark()
        writer.write(ASKS)
        assert await hears(reader, 0.2) is None
        async with caller(way) as (later, asking):
            asking.write(ASKS)
            assert await hears(later, 0.2) is None
            await way.heal()
            assert await reader.readexactly(5) == await later.readexactly(5) == b"hello"


async def test_nothing_is_left_of_it() -> None:
    before = asyncio.all_tasks()
    async with linked() as way, caller(way) as (_, writer):
        writer.write(ASKS)
        way.go_dark()
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == before
