"""Bytes to a port, and what comes back: for requests that no client would send."""

from __future__ import annotations

import asyncio

from tests.registries import DEADLINE


async def ask(port: int, *parts: bytes) -> bytes:
    """The beginning of the answer."""
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await reader.readline()
        finally:
            writer.close()
