"""One client's connection: requests in their order, deadlines, and the end. A protocol class for uvicorn's `http=`.

uvicorn owns sockets, signals, TLS and shutdown; this owns framing, limits and deadlines. Requests that a client sends
ahead of answers are served one after the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Any, Protocol, cast

import uvicorn
from uvicorn.server import ServerState

from services.gateway.answer import Answer
from services.gateway.arrival import Arrival
from services.gateway.fields import Fields
from services.gateway.flow import EMPTY
from services.gateway.problems import Problem
from services.gateway.reader import RequestReader

HEAD_SECONDS, IDLE_SECONDS, STALL_SECONDS, DISCARD_SECONDS = 10.0, 75.0, 60.0, 2.0
"""For a head from its first byte; between requests; between bytes of a body; for input after an early answer."""

AHEAD = 8
"""Requests that may wait on one connection before reading pauses."""

NEVER = float("inf")


class Application(Protocol):
    """What serves requests."""

    body_limit: int
    is_leaving: bool

    def admit(self, arrival: Arrival, fields: Fields) -> None:
        """Decide by the head alone whether and where a request goes. Raises Problem."""

    def refuse(self, arrival: Arrival, problem: Problem) -> None:
        """Told of each request that is answered by its head alone."""

    async def serve(self, arrival: Arrival, answer: Answer, listener: Listener) -> None: ...


class Listener(asyncio.Protocol):
    """Satisfies what uvicorn expects of a protocol: `shutdown`, and to be among `server_state.connections`."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 (uvicorn's signature)
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._app = cast(Application, config.app)
        self._state = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, None)
        self._reader = cast(RequestReader, None)
        self._waiting: deque[Arrival] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._preamble: bytearray | None = None
        self._is_discarding = self._is_leaving = self._is_paused = False
        self.deadline = NEVER

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)  # type: ignore[arg-type] # uvicorn names only its own protocols
        peer = transport.get_extra_info("peername")
        self._reader = RequestReader(
            self._head_came,
            self._request_came,
            self._transport.pause_reading,
            self._transport.resume_reading,
            client=peer[0] if isinstance(peer, tuple) else "",
            body_limit=self._app.body_limit,
        )
        self.deadline = self._loop.time() + HEAD_SECONDS

    def data_received(self, data: bytes) -> None:
        if self._is_discarding:
            return
        if self._preamble is not None:
            self._preamble += data
            return
        was_in_head = self._reader.is_in_head
        try:
            rest = self._reader.feed(data)
        except Problem as problem:
            self._refuse(problem)
            return
        self._set_deadline(was_in_head)
        if rest:
            self.data_received(rest)

    def eof_received(self) -> None:
        """Who sends no more is taken to have gone, as nginx does it; returning nothing closes the transport."""

    def connection_lost(self, _error: Exception | None) -> None:
        self._state.connections.discard(self)
        self.deadline = NEVER
        self._waiting.clear()
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What the server calls

    def shutdown(self) -> None:
        """End after the request that is being served, or at once when there is none."""
        self._is_leaving = True
        if self._task is None:
            self._transport.close()

    def sweep(self, now: float) -> None:
        """End a connection whose client keeps it waiting for too long."""
        if now < self.deadline:
            return
        if self._reader.is_in_head and self._task is None and not self._is_discarding:
            self._refuse(Problem(HTTPStatus.REQUEST_TIMEOUT, f"a head may take {HEAD_SECONDS:g} seconds"))
        elif self._task is None and not self._is_discarding:
            self._transport.close()
        else:
            self._transport.abort()

    def hand_over(self) -> tuple[asyncio.Transport, bytes]:
        """The connection for another protocol, and what the client has already said in it."""
        self._state.connections.discard(self)
        self.deadline = NEVER
        return self._transport, bytes(self._preamble or b"")

    # From bytes to answers

    def _head_came(self, arrival: Arrival) -> None:
        try:
            if arrival.fields is not None:
                self._app.admit(arrival, arrival.fields)
                if arrival.upgrade:
                    self._preamble = bytearray()
        except Problem as problem:
            arrival.problem = problem
        self._waiting.append(arrival)
        if len(self._waiting) > AHEAD and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        if arrival.is_ready or arrival.wants_encouragement:
            self._serve_next()

    def _request_came(self, _arrival: Arrival) -> None:
        self._serve_next()

    def _refuse(self, problem: Problem) -> None:
        """What came cannot be understood: say so after all that is still to be answered, and read no more."""
        if not self._reader.is_in_body:  # else: the request whose body it is knows already
            self._waiting.append(Arrival(b"", b"", "1.1", EMPTY, keep_alive=False, problem=problem))
        self._is_discarding = True
        self._serve_next()

    def _serve_next(self) -> None:
        if self._task is not None or not self._waiting or self._transport.is_closing():
            return
        arrival = self._waiting[0]
        if arrival.wants_encouragement:
            arrival.wants_encouragement = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if arrival.is_ready:
            self._waiting.popleft()
            self.deadline = NEVER if arrival.is_complete else self.deadline
            if self._is_paused:
                self._is_paused = False
                self._transport.resume_reading()
            self._task = self._loop.create_task(self._serve(arrival))

    async def _serve(self, arrival: Arrival) -> None:
        closes = not arrival.keep_alive or self._is_leaving or self._app.is_leaving or not arrival.is_complete
        answer = Answer(arrival, self._transport, self, closes=closes)
        try:
            if arrival.problem is not None:
                self._app.refuse(arrival, arrival.problem)
                answer.say(arrival.problem)
            else:
                await self._app.serve(arrival, answer, self)
        finally:
            self._task = None
            self._finish(arrival, answer)

    def _finish(self, arrival: Arrival, answer: Answer) -> None:
        self._state.total_requests += 1
        if self._transport.is_closing() or answer.hands_over:
            return
        if not answer.ended:
            self._transport.abort()
        elif not arrival.is_complete or self._is_discarding:
            self._discard()
        elif answer.closes or self._is_leaving:
            self._transport.close()
        else:
            self._set_deadline(False)
            self._serve_next()

    def _discard(self) -> None:
        """After an early answer: without reading on for a while the client would see a reset instead of it."""
        self._is_discarding = True
        self.deadline = self._loop.time() + DISCARD_SECONDS
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    @property
    def writable(self) -> asyncio.Future[None] | None:
        """What to wait for before more is written; None when the client keeps up."""
        return self._writable

    def date(self) -> list[tuple[bytes, bytes]]:
        """The field that uvicorn keeps up to date for what the server says itself."""
        return [field for field in self._state.default_headers if field[0] == b"date"]

    def _set_deadline(self, was_in_head: bool) -> None:
        now = self._loop.time()
        if self._reader.is_in_head:
            if not was_in_head:
                self.deadline = now + HEAD_SECONDS
        elif self._reader.is_in_body:
            self.deadline = now + STALL_SECONDS
        else:
            self.deadline = NEVER if self._task is not None else now + IDLE_SECONDS
