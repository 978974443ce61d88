"""A real HTTP/1.1 server in this process whose answers a test writes byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

Answering = Callable[[int], Awaitable[bytes | None]]
"""From the number of the request (from 0) to what goes over the wire; None closes the connection instead."""

Documents = Mapping[str, object]
"""What is answered as JSON, by path; a path that is not among them does not exist."""


@dataclass
class Backend:
    port: int
    connections: int = 0
    requests: int = 0


def response(body: str = "ok", *, status: int = 200, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}".encode()


@asynccontextmanager
async def serving(answering: Answering) -> AsyncIterator[Backend]:
    """A server that does not care what it is asked."""

    async def by_number(number: int, _: str) -> bytes | None:
        return await answering(number)

    async with _serving(by_number) as backend:
        yield backend


@asynccontextmanager
async def serving_documents(documents: Documents) -> AsyncIterator[Backend]:
    """A server that knows some documents; they may change while it runs."""

    async def by_path(_: int, path: str) -> bytes:
        found = documents.get(path.partition("?")[0])
        if found is None:
            return response("", status=404)
        return response(json.dumps(found), headers="Content-Type: application/json\r\nX-Consul-Index: 7\r\n")

    async with _serving(by_path) as backend:
        yield backend


@asynccontextmanager
async def _serving(answering: Callable[[int, str], Awaitable[bytes | None]]) -> AsyncIterator[Backend]:
    backend = Backend(port=0)
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
                await reader.readexactly(length)
                number, backend.requests = backend.requests, backend.requests + 1
                said = await answering(number, head.split(b" ")[1].decode())
                if said is None:
                    return
                writer.write(said)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(talk(reader, writer))
        talks.add(task)
        task.add_done_callback(talks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    try:
        yield backend
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()
