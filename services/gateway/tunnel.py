"""Two connections joined byte for byte, after both sides agreed on another protocol."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

from services.gateway.patience import Uptake


class Tunnel:
    """Between a client and an instance, until either ends it. Among a server's `connections` while it lasts.

    It may be idle for as long as both like; one that vanished is noticed by TCP's keep-alive. `on_end` is told once,
    when both connections are gone.
    """

    def __init__(
        self,
        client: asyncio.Transport,
        instance: asyncio.Transport,
        connections: set[Any],
        on_end: Callable[[], None],
    ) -> None:
        self._connections = connections
        self._on_end = on_end
        now = asyncio.get_running_loop().time()
        self._ends = {Relay(self, client, instance, now), Relay(self, instance, client, now)}
        connections.add(self)

    def shutdown(self) -> None:
        """End it: what has been said already is still delivered."""
        for end in self._ends:
            end.transport.close()

    def sweep(self, now: float) -> None:
        """One that takes nothing of what the other says is not waited for, and keeps nobody."""
        stuck = [end for end in self._ends if end.is_stuck(now)]
        for end in self._ends if stuck else ():
            end.transport.abort()

    @property
    def is_silent(self) -> bool:
        """Whether both have said all."""
        return all(end.is_silent for end in self._ends)

    def lost(self, end: Relay) -> None:
        self._ends.discard(end)
        self.shutdown()
        if not self._ends:
            self._connections.discard(self)
            self._on_end()


class Relay(asyncio.Protocol):
    """One end: what it reads goes to the other, which slows it down when it must."""

    def __init__(self, tunnel: Tunnel, transport: asyncio.Transport, other: asyncio.Transport, now: float) -> None:
        self.transport = transport
        self.is_silent = False
        self._tunnel = tunnel
        self._other = other
        self._uptake = Uptake(now)
        if connection := transport.get_extra_info("socket"):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        transport.set_protocol(cast(asyncio.BaseProtocol, self))
        transport.resume_reading()

    def is_stuck(self, now: float) -> bool:
        return self._uptake.is_stuck(self.transport.get_write_buffer_size(), now)

    def data_received(self, data: bytes) -> None:
        self._other.write(data)

    def eof_received(self) -> bool:
        """It may still listen, unless the other has said all as well."""
        self.is_silent = True
        if self._tunnel.is_silent:
            self._tunnel.shutdown()
        elif not self._other.is_closing():
            self._other.write_eof()
        return True

    def connection_lost(self, _error: Exception | None) -> None:
        self._tunnel.lost(self)

    def pause_writing(self) -> None:
        self._other.pause_reading()

    def resume_writing(self) -> None:
        self._uptake.moves()
        self._other.resume_reading()
