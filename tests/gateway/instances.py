"""Raw instances: they record, byte for byte, what reached them, and answer whatever a test wants."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from discovery.identity import HEADER
from discovery.instance import Instance

from .raw import Message, read_message, reset

BOOT, NEWER_BOOT = "0190000000000000000000000001", "0190000000010000000000000001"


class Side:
    """An instance's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: list[Message]) -> None:
        self.reader = reader
        self._writer = writer
        self._requests = requests

    async def request(self) -> Message:
        """The next request, which is recorded."""
        message = await read_message(self.reader)
        self._requests.append(message)
        return message

    async def head(self) -> Message:
        """The head of the next request, which is recorded without its body."""
        message = await read_message(self.reader, bodiless=True)
        self._requests.append(message)
        return message

    @property
    def last(self) -> Message:
        """The request that came last, on whatever connection."""
        return self._requests[-1]

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()

    def half_close(self) -> None:
        self._writer.write_eof()

    def reset(self) -> None:
        reset(self._writer)

    @property
    def is_open(self) -> bool:
        return not self._writer.is_closing()


Act = Callable[[Side], Awaitable[None]]
"""What an instance does with one connection, which ends when it returns."""


class RawInstance:
    """`requests` in the order in which they came, over all connections; `connections` counts those there ever were."""

    def __init__(self, instance: Instance, act: Act) -> None:
        self.instance = instance
        self.act = act
        self.requests: list[Message] = []
        self.connections = 0
        self.open = 0

    @property
    def only(self) -> Message:
        (request,) = self.requests
        return request

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self.act(Side(reader, writer, self.requests))
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def raw_instance(
    act: Act,
    *,
    name: str = "web-1",
    service: str = "web",
    tags: tuple[str, ...] = ("urlprefix-/",),
    boot: str = "",
    rcvbuf: int | None = None,
    limit: int = 1 << 20,
) -> AsyncIterator[RawInstance]:
    """Without `boot` it is one that others registered: it need not say who it is.

    `rcvbuf` and `limit` are bytes that the kernel and this process keep of what it has not read.
    """
    listening = socket.socket()
    if rcvbuf is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    listening.bind(("127.0.0.1", 0))
    meta = {"boot_id": boot} if boot else {}
    address, port = listening.getsockname()
    raw = RawInstance(Instance(name, service, address, port, tags, meta), act)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(raw.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, sock=listening, limit=limit, backlog=1024)
    try:
        yield raw
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        failed = [each for each in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(each, Exception)]
        assert failed == []


def answer(body: bytes = b"hello", *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """A response with a length; `fields` are whole lines without their end."""
    lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def signed(name: str, boot: str = BOOT) -> bytes:
    """The line by which an instance says who it is."""
    return f"{HEADER}: {name} {boot}".encode()


def says(*responses: bytes) -> Act:
    """Answer each request on a connection with the next of these, the last one for ever."""

    async def act(side: Side) -> None:
        coming = list(responses)
        while True:
            await side.request()
            await side.say(coming.pop(0) if len(coming) > 1 else coming[0])

    return act


def says_and_closes(*pieces: bytes) -> Act:
    """Answer one request, then close."""

    async def act(side: Side) -> None:
        await side.request()
        await side.say(*pieces)

    return act


async def hangs(side: Side) -> None:
    """Take the request and never answer."""
    await side.request()
    await side.reader.read()


async def resets(side: Side) -> None:
    await side.request()
    side.reset()


async def echoes(side: Side) -> None:
    """Answer each request with its own body."""
    while True:
        request = await side.request()
        await side.say(answer(request.body))


def measures_once(let_go: asyncio.Event) -> Act:
    """Says how long the body of each request was, not before it is let go."""

    async def act(side: Side) -> None:
        while True:
            request = await side.request()
            await let_go.wait()
            await side.say(answer(b"%d" % len(request.body)))

    return act
