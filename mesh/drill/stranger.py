"""A server that has nothing to do with the mesh, on a port that once was an instance's."""

from __future__ import annotations

import asyncio
from contextlib import suppress

TEAPOT = b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Stranger:
    """Answers everything with a status that no service of ours has; `requests` counts what callers sent it.

    Questions after its health are not counted: somebody has to ask it who it is.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._server: asyncio.Server | None = None

    @classmethod
    async def on(cls, port: int) -> Stranger:
        """Raises OSError if somebody has the port."""
        stranger = cls()
        stranger._server = await asyncio.start_server(stranger._answer, "127.0.0.1", port)
        return stranger

    async def leave(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests += head.startswith(b"POST ")
            writer.write(TEAPOT)
            await writer.drain()
        writer.close()
