"""One HTTP/1.1 connection to one instance: a request goes out, its response comes in, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import cast

from discovery.errors import ResponseLost, ResponseMalformed
from discovery.instance import Instance
from discovery.reply import Settle
from services.gateway.patience import STALL
from services.gateway.request import Request
from services.gateway.response import SWITCHING, Response
from services.gateway.responses import ResponseReader


class Exchange:
    """A request for an instance, and whom to tell of its outcome, once. `hold`: wait for a small response whole."""

    __slots__ = ("_settle", "connection", "hold", "instance", "is_over", "request")

    def __init__(self, instance: Instance, request: Request, settle: Settle[Response], *, hold: bool) -> None:
        self.instance = instance
        self.request = request
        self.hold = hold
        self.is_over = False
        self.connection: Connection | None = None
        self._settle = settle

    @property
    def has_heard(self) -> bool:
        """Whether anything of the response has come."""
        return self.connection is not None and self.connection.has_heard

    @property
    def waits_for_client(self) -> bool:
        """Whether the client's body is still coming in, and the instance takes it."""
        return self.connection is not None and self.connection.waits_for_client

    def settle(self, outcome: Response | Exception) -> None:
        if not self.is_over:
            self.is_over = True
            self._settle(outcome)

    def cancel(self) -> None:
        """Give up: the connection cannot be used for anything else until its response has come."""
        if not self.is_over:
            self.is_over = True
            if self.connection is not None:
                self.connection.abort()


class Connection(asyncio.Protocol):
    """`on_idle` is told when it may carry the next request, `on_lost` when it is gone.

    `on_stale` gets an exchange back that this connection, reused, could not carry: nothing of a response had come.
    """

    def __init__(
        self,
        served_by: str,
        on_idle: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
        on_stale: Callable[[Exchange], None],
    ) -> None:
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._on_stale = on_stale
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._reader = ResponseReader(served_by, self.abort)
        self._upload: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_reused = self._has_heard = self._has_moved = self._is_aborted = False
        self._moved_at = 0.0
        self.idle_until = 0.0

    @property
    def is_usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def has_heard(self) -> bool:
        return self._has_heard

    @property
    def waits_for_client(self) -> bool:
        return self._upload is not None and (self._writable is None or self._writable.done())

    def send(self, exchange: Exchange) -> None:
        """Write a request; it is settled when the head of the response is there, or all of it if held."""
        transport = cast(asyncio.Transport, self._transport)
        request = exchange.request
        self._exchange, self._has_heard = exchange, False
        exchange.connection = self
        self._reader.expect(request.method)
        if isinstance(request.body, bytes):
            transport.write(request.head() + request.body)
        else:
            transport.write(request.head())
            self._upload = asyncio.create_task(self._pump(request.body, chunked=request.length is None))

    def abort(self) -> None:
        """End it at once, and with it whatever it carries."""
        self._is_aborted = True
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def sweep(self, now: float) -> None:
        """Give up a response that stalls, though we would read it and have sent all that there is to send."""
        exchange, transport = self._exchange, self._transport
        is_ours_to_move = exchange is None or not exchange.is_over or transport is None or not transport.is_reading()
        if self._has_moved or is_ours_to_move:
            self._has_moved, self._moved_at = False, now
        elif now - self._moved_at > STALL:
            self._fail(ResponseLost(f"nothing came for {STALL:g} seconds"))

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:  # an instance that speaks without being asked
            self.abort()
            return
        self._has_heard = self._has_moved = True
        try:
            rest = self._reader.feed(data)
        except ResponseMalformed as failure:
            response = self._reader.response
            if response is None or not response.is_complete or response.status == SWITCHING:
                self._fail(failure)
                return
            self.abort()  # more than it announced, which nobody reads
            rest = None
        if rest is not None:
            self._hand_over(exchange, rest)
        self._advance(exchange)

    def eof_received(self) -> None:
        """Returning nothing closes the transport."""

    def connection_lost(self, error: Exception | None) -> None:
        self._on_lost(self)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._exchange is not None:
            response = self._reader.response
            if response is not None and response.ends_with_connection and error is None and not self._is_aborted:
                response.complete()
            if response is not None and response.is_complete:
                self._advance(self._exchange)
            else:
                self._lose(self._exchange)
        self._reader.forget()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    # How an exchange ends

    def _hand_over(self, exchange: Exchange, said: bytes) -> None:
        response = self._reader.response
        if response is None or response.head.upgrade != exchange.request.upgrade:
            self._fail(ResponseMalformed("an upgrade that nobody asked for"))
            return
        transport = cast(asyncio.Transport, self._transport)
        transport.pause_reading()
        self._on_lost(self)
        response.joined = transport, said

    def _advance(self, exchange: Exchange) -> None:
        """Hand out the response as soon as it may be seen, and take the connection back when it is through."""
        response = self._reader.response
        if response is None:
            return
        if response.is_complete:
            if response.status != SWITCHING:
                self._take_back(response)
        elif exchange.hold and response.is_small:
            return
        else:
            transport = cast(asyncio.Transport, self._transport)
            response.stream(transport.pause_reading, transport.resume_reading)
        exchange.settle(response)

    def _take_back(self, response: Response) -> None:
        """The response is complete: may the connection carry another one?"""
        request, self._exchange = cast(Exchange, self._exchange).request, None
        if request.method == b"HEAD":
            self._reader.forget()
        if self._upload is None and response.keeps_alive and self.is_usable:
            self._is_reused = True
            self._on_idle(self)
        else:
            self._stop_upload()
            self.close()

    def _lose(self, exchange: Exchange) -> None:
        stale = self._is_reused and not self._has_heard and not exchange.is_over
        if stale and exchange.request.is_repeatable and exchange.hold:
            self._exchange = None
            self._on_stale(exchange)
        else:
            self._fail(ResponseLost("the connection broke"))

    def _fail(self, failure: Exception) -> None:
        """Tell whoever waits for the response, or reads it already."""
        exchange, self._exchange = self._exchange, None
        self._stop_upload()
        self.abort()
        if exchange is not None and not exchange.is_over:
            exchange.settle(failure)
        elif self._reader.response is not None:
            self._reader.response.fail(failure)

    # A body that streams

    async def _pump(self, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        transport = cast(asyncio.Transport, self._transport)
        try:
            async for data in body:
                transport.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
                self._has_moved = True
                if self._writable is not None and not self._writable.done():
                    await self._writable
                if transport.is_closing():
                    return
            if chunked:
                transport.write(b"0\r\n\r\n")
            self._upload = None
        except Exception as error:  # the client's side failed: what it is, only the client's side knows
            self._upload = None
            self._fail(error)

    def _stop_upload(self) -> None:
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
