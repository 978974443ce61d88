"""Two connections joined byte for byte, after both sides agreed on another protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast


class Tunnel:
    """What both ends share. `on_end` is told once, when either connection is gone."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._ended = 0
        self._is_over = False

    def end_of_one_side(self) -> bool:
        """One side has said all. True when the other had already."""
        self._ended += 1
        return self._ended == 2

    def close(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._on_end()


class Relay(asyncio.Protocol):
    """One end: what it reads goes to the other, which slows it down when it must."""

    def __init__(self, transport: asyncio.Transport, other: asyncio.Transport, tunnel: Tunnel) -> None:
        self._transport = transport
        self._other = other
        self._tunnel = tunnel

    def data_received(self, data: bytes) -> None:
        self._other.write(data)

    def eof_received(self) -> bool:
        """Half closed goes on as half closed; when both sides have said all, nobody would close any more."""
        if self._other.can_write_eof() and not self._other.is_closing():
            self._other.write_eof()
        if self._tunnel.end_of_one_side():
            self._other.close()
            return False
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._tunnel.close()
        if error is None:
            self._other.close()
        else:
            self._other.abort()

    def pause_writing(self) -> None:
        self._other.pause_reading()

    def resume_writing(self) -> None:
        self._other.resume_reading()


def join(one: asyncio.Transport, other: asyncio.Transport, on_end: Callable[[], None]) -> None:
    """Relay between two transports until either ends."""
    tunnel = Tunnel(on_end)
    for transport, peer in ((one, other), (other, one)):
        transport.set_protocol(cast(asyncio.BaseProtocol, Relay(transport, peer, tunnel)))
        transport.resume_reading()
