"""The answer to one request as bytes for its client: framed for the client's version, with back-pressure."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Protocol

from services.gateway.arrival import Arrival
from services.gateway.headers import encode
from services.gateway.problems import Problem


def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


WITHOUT_GOODBYE = struct.pack("ii", 1, 0)
"""For SO_LINGER: on, and for no time at all, which makes of a close a reset."""

STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}


def break_off(transport: asyncio.Transport) -> None:
    """End a connection with a reset: where its end is the end of a body, nothing else shows that some is missing."""
    if connection := transport.get_extra_info("socket"):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, WITHOUT_GOODBYE)
    transport.abort()


class Client(Protocol):
    """The side of the connection that the answer depends on."""

    @property
    def writable(self) -> asyncio.Future[None] | None: ...

    def date(self) -> list[tuple[bytes, bytes]]: ...


class Answer:
    """Written once. `closes` says whether the connection ends with it; `status` is 0 until there is one, and with
    `broke_off` not all of it has come."""

    __slots__ = (
        "_arrival",
        "_chunked",
        "_client",
        "_transport",
        "began",
        "broke_off",
        "closes",
        "ended",
        "hands_over",
        "status",
    )

    def __init__(self, arrival: Arrival, transport: asyncio.Transport, client: Client, *, closes: bool) -> None:
        self._arrival = arrival
        self._transport = transport
        self._client = client
        self._chunked = False
        self.closes = closes
        self.status = 0
        self.began = self.ended = self.hands_over = self.broke_off = False

    def respond(self, status: int, fields: bytes, body: bytes) -> None:
        """All of it at once. `fields` are encoded and tell the length, unless there is none to tell."""
        self._transport.write(self._head(status, fields) + (b"" if self._is_bodiless(status) else body))
        self.began = self.ended = True

    def say(self, problem: Problem) -> None:
        self.respond(problem.status, encode([*problem.headers(), *self._client.date()]), problem.body())

    def begin(self, status: int, fields: bytes, length: int | None) -> None:
        """The head of a body that streams, of unknown length if None."""
        if length is None and not self._is_bodiless(status):
            if self._arrival.version == "1.0":
                self.closes = True
            else:
                self._chunked = True
                fields += b"transfer-encoding: chunked\r\n"
        self._transport.write(self._head(status, fields))
        self.began = True

    async def write(self, data: bytes) -> None:
        """Waits while the client does not read."""
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        writable = self._client.writable
        if writable is not None:
            await writable

    def end(self) -> None:
        if self._chunked:
            self._transport.write(b"0\r\n\r\n")
        self.ended = True

    def abort(self) -> None:
        """The body broke off: the client must see that, not a body that looks whole."""
        break_off(self._transport)
        self.ended = self.closes = self.broke_off = True

    def switch(self, fields: bytes) -> None:
        """101: from here on the connection belongs to another protocol."""
        self._transport.write(self._head(101, fields))
        self.began = self.ended = self.hands_over = True

    def _head(self, status: int, fields: bytes) -> bytes:
        self.status = status
        return STATUS_LINES[status] + fields + (b"connection: close\r\n\r\n" if self.closes else b"\r\n")

    def _is_bodiless(self, status: int) -> bool:
        return self._arrival.method == b"HEAD" or status in (204, 304)
