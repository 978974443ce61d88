"""One HTTP/1.1 connection that carries one exchange at a time, over and over.

A raw protocol and httptools, with no task and no timer for a request: what is measured must not be the measuring.
A response must say where it ends (by a length or by chunks); one that ends with its connection counts as broken.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import httptools

from mesh.report import BROKEN, judge


class Exchange:
    """A request on its way; compared by identity."""

    __slots__ = ("connection", "request", "scheduled_at")

    def __init__(self, request: bytes, scheduled_at: float) -> None:
        self.request = request
        self.scheduled_at = scheduled_at
        self.connection: Connection | None = None


class Owner(Protocol):
    """Who opened a connection, and what it wants to be told."""

    def opened(self, connection: Connection) -> None: ...

    def free(self, connection: Connection) -> None:
        """The exchange has ended well and another may follow."""

    def lost(self, connection: Connection) -> None: ...

    def finish(
        self,
        exchange: Exchange,
        *,
        status: int | None = None,
        served_by: str = "",
        attempts: int = 1,
        error: str | None,
    ) -> None: ...


class Connection(asyncio.Protocol):
    idle_since = 0.0

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._exchange: Exchange | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._begin()

    def send(self, exchange: Exchange) -> None:
        self._exchange = exchange
        exchange.connection = self
        self._transport.write(exchange.request)

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (create_connection gives no other)
        self._transport = transport
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            self.abort()  # nothing was asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()
            self._end(error=BROKEN)
        if self._complete:
            self._answer()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._end(error=BROKEN)
        self._owner.lost(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) not in (10, 11):
            return
        lowered = name.lower()
        if lowered == b"x-served-by":
            self._served_by = value.decode("latin-1")
        elif lowered == b"x-attempts" and len(value) < 5 and value.isdigit():
            self._attempts = int(value)

    def on_message_complete(self) -> None:
        self._complete = self._parser.get_status_code() >= 200
        self._reusable = self._parser.should_keep_alive()  # the parser knows it only in here

    def _answer(self) -> None:
        reusable = self._reusable and not self._transport.is_closing()
        status = self._parser.get_status_code()
        self._end(status=status, error=judge(status))
        if reusable:
            self._owner.free(self)
        else:
            self._transport.close()

    def _end(self, *, status: int | None = None, error: str | None) -> None:
        exchange, self._exchange = self._exchange, None
        served_by, attempts = self._served_by, self._attempts
        self._begin()
        if exchange is not None:
            self._owner.finish(exchange, status=status, served_by=served_by, attempts=attempts, error=error)

    def _begin(self) -> None:
        self._served_by = ""
        self._attempts = 1
        self._complete = False
        self._reusable = False
