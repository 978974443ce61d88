"""What one gateway costs the registry, on a small scale and with a real one."""

from __future__ import annotations

import asyncio

from benchmarks.registry_cost import SERVICES, a_registry, measure
from benchmarks.relay import Relay


async def test_a_gateway_holds_one_query_for_each_service_and_one_for_their_list() -> None:
    async with a_registry() as port:
        cost = await measure(port, 3)
    assert cost.queries == SERVICES + 1
    assert 100 < cost.listing < 10_000
    assert cost.listing <= cost.change < 10 * cost.listing


async def test_a_relay_counts_what_is_open_and_what_comes_back() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(2 * await reader.readexactly(5))
        await reader.read()
        writer.close()

    async with (
        await asyncio.start_server(answer, "127.0.0.1", 0) as server,
        Relay("127.0.0.1", server.sockets[0].getsockname()[1]) as relay,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"hello")
        assert await reader.readexactly(10) == b"hellohello"
        assert (relay.open, relay.received) == (1, 10)
        writer.close()
        async with asyncio.timeout(30):
            while relay.open:
                await asyncio.sleep(0.01)
