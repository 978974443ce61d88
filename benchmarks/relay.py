"""Stands between somebody and a server, and counts: connections that are open, and bytes that the server sends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self


class Relay:
    """Use it with `async with`; it listens on `port` of loopback then."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.open = 0
        self.received = 0
        self._to = host, port
        self._server: asyncio.Server | None = None
        self._closed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Whoever came has gone by now, or goes within a moment."""
        if self._server:
            self._server.close()
        async with self._closed:
            await self._closed.wait_for(lambda: not self.open)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection(*self._to)
        self.open += 1
        await asyncio.gather(self._copy(reader, onward), self._copy(there, writer, counts=True))
        self.open -= 1
        async with self._closed:
            self._closed.notify_all()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counts: bool = False) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                self.received += len(data) if counts else 0
                sink.write(data)
                await sink.drain()
        sink.close()
