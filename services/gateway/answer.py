"""The answer to one request as bytes for its client: framed for the client's version, with back-pressure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from services.gateway.arrival import Arrival
from services.gateway.problems import Problem
from services.gateway.request import Headers


def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}


class Answer:
    """Written once. `closes` says whether the connection ends with it."""

    __slots__ = (
        "_arrival",
        "_chunked",
        "_drain",
        "_server_fields",
        "_transport",
        "began",
        "closes",
        "ended",
        "hands_over",
    )

    def __init__(
        self,
        arrival: Arrival,
        transport: asyncio.Transport,
        drain: Callable[[], asyncio.Future[None] | None],
        *,
        server_fields: Headers,
        closes: bool,
    ) -> None:
        self._arrival = arrival
        self._transport = transport
        self._drain = drain
        self._server_fields = server_fields
        self._chunked = False
        self.closes = closes
        self.began = self.ended = self.hands_over = False

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """All of it at once. `headers` tell the length, unless there is none to tell."""
        self._transport.write(self._head(status, headers) + (b"" if self._is_bodiless(status) else body))
        self.began = self.ended = True

    def say(self, problem: Problem) -> None:
        self.respond(problem.status, [*problem.headers(), *self._server_fields], problem.body())

    def begin(self, status: int, headers: Headers, length: int | None) -> None:
        """The head of a body that streams, of unknown length if None."""
        if length is None and not self._is_bodiless(status):
            if self._arrival.version == "1.0":
                self.closes = True
            else:
                self._chunked = True
                headers = [*headers, (b"transfer-encoding", b"chunked")]
        self._transport.write(self._head(status, headers))
        self.began = True

    async def write(self, data: bytes) -> None:
        """Waits while the client does not read."""
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        drained = self._drain()
        if drained is not None:
            await drained

    def end(self) -> None:
        if self._chunked:
            self._transport.write(b"0\r\n\r\n")
        self.ended = True

    def abort(self) -> None:
        """The body broke off: the client must see that, not a body that looks whole."""
        self._transport.abort()
        self.ended = self.closes = True

    def switch(self, headers: Headers) -> None:
        """101: from here on the connection belongs to another protocol."""
        self._transport.write(self._head(101, headers))
        self.began = self.ended = self.hands_over = True

    def _head(self, status: int, headers: Headers) -> bytes:
        lines = [STATUS_LINES[status]]
        lines += [b"%b: %b\r\n" % field for field in headers]
        lines.append(b"connection: close\r\n\r\n" if self.closes else b"\r\n")
        return b"".join(lines)

    def _is_bodiless(self, status: int) -> bool:
        return self._arrival.method == b"HEAD" or status in (204, 304)
