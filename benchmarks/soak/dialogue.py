"""One keep-alive connection to the gateway, on which a client asks and reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

PATH = "/echo"
PATIENCE = 60.0
"""Seconds after which an answer counts as never given: several times what the gateway allows itself."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`is_last`: the gateway ends the connection with it."""

    status: int
    body: bytes
    is_last: bool


def request(body: bytes, *, path: str = PATH) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: soak\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Dialogue:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Dialogue:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 16))

    async def ask(self, body: bytes) -> Reply:
        """Send a body to be echoed. Raises OSError, EOFError or TimeoutError where no whole answer comes."""
        async with asyncio.timeout(PATIENCE):
            self._writer.write(request(body))
            await self._writer.drain()
            return await self._reply()

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def read(self, most: int) -> bytes:
        return await self._reader.read(most)

    def abort(self) -> None:
        """Leave at once: what was not read is answered with a reset."""
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def _reply(self) -> Reply:
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        is_last = b"connection: close" in lines
        return Reply(int(head[9:12]), await self._reader.readexactly(length), is_last)
