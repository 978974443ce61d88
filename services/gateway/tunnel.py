"""Two connections joined byte for byte, after both sides agreed on another protocol."""

from __future__ import annotations

import asyncio
from typing import cast


class Relay(asyncio.Protocol):
    """One end: what it reads goes to the other, which slows it down when it must."""

    def __init__(self, transport: asyncio.Transport, other: asyncio.Transport) -> None:
        self._transport = transport
        self._other = other

    def data_received(self, data: bytes) -> None:
        self._other.write(data)

    def eof_received(self) -> bool:
        if self._other.can_write_eof() and not self._other.is_closing():
            self._other.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if error is None:
            self._other.close()
        else:
            self._other.abort()

    def pause_writing(self) -> None:
        self._other.pause_reading()

    def resume_writing(self) -> None:
        self._other.resume_reading()


def join(one: asyncio.Transport, other: asyncio.Transport) -> None:
    """Relay between two transports until either ends."""
    for transport, peer in ((one, other), (other, one)):
        transport.set_protocol(cast(asyncio.BaseProtocol, Relay(transport, peer)))
        transport.resume_reading()
