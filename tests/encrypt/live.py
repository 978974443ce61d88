"""A real server for an application, on a port that was free, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from discovery.health import HealthEndpoints

from .doubles import until


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[tuple[str, int]]:
    """Host and port. In this loop and with `/livez`, as `discovery.serve` does it, but without a registry."""
    config = uvicorn.Config(HealthEndpoints(app), http="httptools", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    try:
        await until(lambda: server.started)
        yield listening.getsockname()
    finally:
        server.should_exit = True
        await serving
        listening.close()


async def exchange(address: tuple[str, int], *pieces: bytes) -> bytes:
    """Send these bytes and read until the server has nothing more to say."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()
