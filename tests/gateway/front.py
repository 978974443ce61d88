"""A whole gateway in this process, with everything real but the registry, and the clients that talk to it in bytes."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, cast

import uvicorn
from opentelemetry.trace import Tracer
from uvicorn.server import ServerState

from discovery.addresses import Forbidden
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.probe import Verdict
from discovery.resolver import Resolver
from discovery.upstream import Upstream
from services.gateway.assembly import configuration
from services.gateway.forward import Forwarder
from services.gateway.listener import Application, Listener
from services.gateway.metrics import Metrics
from services.gateway.proxy import Proxy
from services.gateway.routes import RouteTable
from services.gateway.traced_proxy import TracedProxy
from services.gateway.wire import Wire

from .instances import RawInstance
from .raw import Message, read_message, reset
from .registry import FakeRegistry
from .waiting import DEADLINE, until


class SilentProbe:
    """What is out of rotation stays there."""

    async def ask(self, instance: Instance) -> Verdict:  # noqa: ARG002 (the seam's signature)
        return Verdict.SILENT


@dataclass
class Door:
    """A listener and what happens at it.

    `ahead`: seconds by which the clock of its connections runs ahead, so that no test waits for a deadline.
    """

    state: ServerState
    address: tuple[str, int]
    ahead: float = field(default=0.0, kw_only=True)

    @property
    def connections(self) -> set[Any]:
        return cast(set[Any], self.state.connections)

    @property
    def listeners(self) -> Sequence[Listener]:
        return [each for each in list(self.connections) if isinstance(each, Listener)]

    @property
    def is_quiet(self) -> bool:
        """Nobody is connected."""
        return not self.connections

    def sweep(self, *, ahead: float) -> None:
        """What the gateway does every second, as if it were `ahead` seconds later."""
        self.ahead = ahead
        now = asyncio.get_running_loop().time() + ahead
        for connection in list(self.connections):
            connection.sweep(now)

    def shut_down(self) -> None:
        """What the server does once it listens no more."""
        for connection in list(self.connections):
            connection.shutdown()

    @asynccontextmanager
    async def client(self, *, rcvbuf: int | None = None) -> AsyncIterator[Client]:
        made = socket.socket()
        if rcvbuf is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, self.address)
        reader, writer = await asyncio.open_connection(sock=made, limit=1 << 17)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()

    async def ask(self, request: bytes, *, bodiless: bool = False, until_eof: bool = False) -> Message:
        """The answer to one request on a connection of its own."""
        async with self.client() as client:
            await client.say(request)
            return await client.answer(bodiless=bodiless, until_eof=until_eof)

    async def exchange(self, *pieces: bytes) -> bytes:
        """All that comes back before the gateway closes the connection."""
        async with self.client() as client:
            await client.say(*pieces)
            return await client.rest()


@dataclass
class Front(Door):
    """A whole gateway."""

    registry: FakeRegistry
    resolver: Resolver
    table: RouteTable
    journal: Journal
    metrics: Metrics
    wire: Wire
    proxy: Proxy

    @property
    def upstreams(self) -> Sequence[Upstream]:
        return [each for pool in self.resolver.pools.values() for each in pool.upstreams]

    @property
    def in_flight(self) -> int:
        return sum(each.in_flight for each in self.upstreams)

    @property
    def is_quiet(self) -> bool:
        """Nobody is connected and no instance busy."""
        return super().is_quiet and not self.in_flight

    def sweep(self, *, ahead: float) -> None:
        super().sweep(ahead=ahead)
        self.wire.sweep()


class Client:
    """A client's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def say(self, *pieces: bytes) -> None:
        async with asyncio.timeout(DEADLINE):
            for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()

    async def answer(self, *, bodiless: bool = False, until_eof: bool = False) -> Message:
        async with asyncio.timeout(DEADLINE):
            return await read_message(self.reader, bodiless=bodiless, until_eof=until_eof)

    async def until(self, separator: bytes) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self.reader.readuntil(separator)

    async def exactly(self, size: int) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self.reader.readexactly(size)

    async def some(self, size: int) -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read(size)

    async def rest(self) -> bytes:
        """Until the gateway closes. Raises ConnectionResetError if it breaks off."""
        async with asyncio.timeout(DEADLINE):
            return await self.reader.read()

    def half_close(self) -> None:
        self._writer.write_eof()

    def go_away(self) -> None:
        self._writer.transport.abort()

    def reset(self) -> None:
        reset(self._writer)


@asynccontextmanager
async def front(
    *instances: RawInstance | Instance,
    body_limit: int = 1 << 20,
    deadline: float = 10.0,
    forbidden: Forbidden | None = None,
    rcvbuf: int | None = None,
    tracer: Tracer | None = None,
) -> AsyncIterator[Front]:
    """A gateway that knows these instances. At the end nothing may be left of what it did.

    `rcvbuf`: bytes that the kernel keeps of what clients send.
    """
    complaints = _listen_to_complaints()
    async with AsyncExitStack() as stack:
        made = await _assemble(stack, instances, body_limit, deadline, forbidden or Forbidden(), rcvbuf, tracer)
        yield made
        await until(lambda: made.is_quiet)
        await made.wire.aclose()
        assert made.wire.open == 0
    assert complaints == []


@asynccontextmanager
async def door(app: Application) -> AsyncIterator[Door]:
    """Only the listener, with another application behind it."""
    complaints = _listen_to_complaints()
    async with AsyncExitStack() as stack:
        made = Door(*await _listen(stack, app, None))
        yield made
        await until(lambda: made.is_quiet)
    assert complaints == []


def _listen_to_complaints() -> list[str]:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(str(context)))
    return complaints


async def _assemble(
    stack: AsyncExitStack,
    instances: Sequence[RawInstance | Instance],
    body_limit: int,
    deadline: float,
    forbidden: Forbidden,
    rcvbuf: int | None,
    tracer: Tracer | None,
) -> Front:
    known = [each.instance if isinstance(each, RawInstance) else each for each in instances]
    journal, metrics, registry = Journal(), Metrics(), FakeRegistry(*known)
    table = RouteTable(journal)
    resolver = Resolver(
        registry,
        SilentProbe(),
        journal=journal,
        clock=time.monotonic,
        random=Random(1),
        forbidden=forbidden,
        on_snapshot=table.update,
    )
    await stack.enter_async_context(resolver)
    resolver.follow_routed()
    loop = asyncio.get_running_loop()
    wire = Wire(lambda: loop.time() + made.ahead, forbidden)
    stack.push_async_callback(wire.aclose)
    forwarder = Forwarder(resolver, wire, deadline=deadline, random=Random(1), clock=time.monotonic, tracer=tracer)
    serving = partial(TracedProxy, tracer=tracer) if tracer else Proxy
    proxy = serving(table, forwarder, metrics, body_limit=body_limit)
    state, address = await _listen(stack, proxy, rcvbuf)
    made = Front(state, address, registry, resolver, table, journal, metrics, wire, proxy)
    for service in {each.service for each in known}:
        await resolver.known(service)
    return made


async def _listen(stack: AsyncExitStack, app: Application, rcvbuf: int | None) -> tuple[ServerState, tuple[str, int]]:
    """uvicorn's own start, without its main loop, which only waits for signals."""
    config = configuration(app, http=Listener)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    if rcvbuf is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    await server.on_tick(0)
    await server.startup([listening])
    stack.callback(_close, server)
    return server.server_state, listening.getsockname()


def _close(server: uvicorn.Server) -> None:
    for each in server.servers:
        each.close()
    for connection in list(server.server_state.connections):
        cast(Listener, connection).shutdown()
