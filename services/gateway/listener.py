"""One client's connection: requests in their order, deadlines, and the end. A protocol class for uvicorn's `http=`.

uvicorn owns sockets, signals, TLS and shutdown; this owns framing, limits and deadlines. Requests that a client sends
ahead of answers are served one after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol, cast

import uvicorn
from uvicorn.server import ServerState

from services.gateway.answer import Answer, break_off
from services.gateway.arrival import Arrival
from services.gateway.clients import Clients
from services.gateway.fields import Fields
from services.gateway.flow import EMPTY
from services.gateway.forwarded import TrustedProxies
from services.gateway.patience import DISCARD, GRACE, HEAD, IDLE, MOMENT, NEVER, PACE, STALL, Pace, Uptake
from services.gateway.problems import Problem
from services.gateway.reader import RequestReader
from services.gateway.tunnel import Tunnel

log = logging.getLogger(__name__)

AHEAD = 8
"""Requests that may wait on one connection before reading pauses."""

KEPT_FOR_TUNNEL = 64 * 1024
"""Bytes of another protocol that may come before it is granted."""

UNTRUSTED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED})
"""Who gets one of these has another idea of the protocol than we have: nothing else is taken from the connection."""

CROWDED = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients", retry_after=1.0)

FAULT = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway has a fault")


class Application(Protocol):
    """What serves requests."""

    body_limit: int
    clients: Clients
    is_leaving: bool
    proxies: TrustedProxies

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
        self.transport = cast(asyncio.Transport, None)
        self.reader = cast(RequestReader, None)
        self.waiting: deque[Arrival] = deque()
        self._deadline = self._loop.time() + HEAD
        self._uptake = Uptake(self._loop.time())
        self._pace = Pace(self._loop.time())
        self._served: Arrival | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._preamble: bytearray | None = None
        self._moment: asyncio.TimerHandle | None = None
        self._is_discarding = self._is_leaving = self._is_full = self._is_counted = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)  # type: ignore[arg-type] # uvicorn names only its own protocols
        peer = transport.get_extra_info("peername")
        self.reader = RequestReader(
            self._head_came,
            self._fill,
            self._drain,
            peer=self._app.proxies.peer(peer[0] if isinstance(peer, tuple) else ""),
            body_limit=self._app.body_limit,
        )
        self._is_counted = self._app.clients.enter()
        if not self._is_counted:
            self._turn_away()

    def data_received(self, data: bytes) -> None:
        if self._is_discarding:
            return
        if self._preamble is None:
            was_in_head = self.reader.is_in_head
            try:
                data = self.reader.feed(data)
            except Problem as problem:
                self._refuse(problem)
                return
            self._serve_next()
            self._expect_more(was_in_head=was_in_head)
        if data:
            self._keep_for_tunnel(data)

    def eof_received(self) -> None:
        """Who sends no more is taken to have gone, as nginx does it; returning nothing closes the transport."""

    def connection_lost(self, _error: Exception | None) -> None:
        self._state.connections.discard(self)
        self._leave()
        self._deadline = NEVER
        self.waiting.clear()
        self._end_moment()
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        self._uptake.moves()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None
        self._serve_next()

    # What the server calls

    def shutdown(self) -> None:
        """End after the requests that have come or are coming, or at once when there are none."""
        self._is_leaving = True
        if self._task is None and not self.waiting and not self.reader.is_in_head:
            self.transport.close()

    def sweep(self, now: float) -> None:
        """End a connection whose client keeps us waiting for too long."""
        if self._uptake.is_stuck(self.transport.get_write_buffer_size(), now):
            break_off(self.transport)
        elif now >= self._deadline:
            self._lose_patience()
        elif self._is_too_slow(now):
            self._give_up_body(f"a body may take {GRACE:g} seconds, and one more for each {PACE:g} bytes")

    def _is_too_slow(self, now: float) -> bool:
        reader = self.reader
        waits = reader.is_in_body and self.transport.is_reading() and not self._is_discarding
        return self._pace.is_too_slow(reader.number, reader.seen, now, waits=waits) and waits

    def hand_over(self, instance: asyncio.Transport, heard: bytes, on_end: Callable[[], None]) -> None:
        """From here on the connection speaks another protocol, in which the instance has said something already."""
        self._state.connections.discard(self)
        instance.write(bytes(self._preamble or b""))
        self.transport.write(heard)

        def end() -> None:
            self._leave()
            on_end()

        Tunnel(self.transport, instance, self._state.connections, end)

    def _leave(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._app.clients.leave()

    def _turn_away(self) -> None:
        Answer(Arrival(b"", b"", "1.1", EMPTY, keep_alive=False), self.transport, self, closes=True).say(CROWDED)
        self._discard()

    # From bytes to answers

    def _head_came(self, arrival: Arrival) -> None:
        try:
            if arrival.fields is not None:
                self._app.admit(arrival, arrival.fields)
                if arrival.upgrade:
                    self._preamble = bytearray()
        except Problem as problem:
            arrival.problem = problem
        except Exception:
            log.exception("a request could not be admitted")
            arrival.problem = FAULT
        self.waiting.append(arrival)
        if len(self.waiting) > AHEAD:
            self.transport.pause_reading()

    def _refuse(self, problem: Problem) -> None:
        """What came cannot be understood: say so after all that is still to be answered, and read no more."""
        if not self.reader.is_in_body:  # else: the request whose body it is knows already
            self.waiting.append(Arrival(b"", b"", "1.1", EMPTY, keep_alive=False, problem=problem))
        self._is_discarding = True
        self._deadline = NEVER
        self._serve_next()

    def _lose_patience(self) -> None:
        if self._is_discarding:
            if not self.transport.get_write_buffer_size():  # else: it still reads, or is found to be stuck
                self.transport.abort()
        elif self.reader.is_in_head:
            self._refuse(Problem(HTTPStatus.REQUEST_TIMEOUT, f"a head may take {HEAD:g} seconds"))
        elif self.reader.is_in_body:
            self._give_up_body(f"between bytes of a body there may be {STALL:g} seconds")
        else:
            self.transport.close()

    def _give_up_body(self, why: str) -> None:
        self._refuse(self.reader.give_up(Problem(HTTPStatus.REQUEST_TIMEOUT, why)))

    def _keep_for_tunnel(self, data: bytes) -> None:
        preamble = self._preamble = self._preamble or bytearray()
        preamble += data
        if len(preamble) > KEPT_FOR_TUNNEL:
            self.transport.pause_reading()

    def _serve_next(self) -> None:
        """Nothing is begun whose answer would only lie here because the client does not read."""
        if self._task is not None or not self.waiting or self._writable is not None or self.transport.is_closing():
            return
        arrival = self.waiting[0]
        if arrival.wants_encouragement:
            arrival.wants_encouragement = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if arrival.is_ready:
            self._end_moment()
            self.waiting.popleft()
            if len(self.waiting) == AHEAD and not self._is_full:
                self.transport.resume_reading()
            self._served = arrival
            self._task = self._loop.create_task(self._serve(arrival))
            if arrival.is_complete:
                self._deadline = NEVER
        elif arrival.has_unknown_length and self._moment is None:
            self._moment = self._loop.call_later(MOMENT, self._wait_no_longer, arrival)

    def _wait_no_longer(self, arrival: Arrival) -> None:
        self._moment = None
        arrival.may_stream = True
        self._serve_next()

    def _end_moment(self) -> None:
        if self._moment is not None:
            self._moment.cancel()
            self._moment = None

    async def _serve(self, arrival: Arrival) -> None:
        problem = arrival.problem
        closes = not arrival.keep_alive or self._is_leaving or self._app.is_leaving or bool(arrival.upgrade)
        closes = closes or (problem is not None and (problem.status in UNTRUSTED or not arrival.is_complete))
        answer = Answer(arrival, self.transport, self, closes=closes)
        try:
            if problem is not None:
                self._app.refuse(arrival, problem)
                answer.say(problem)
            else:
                await self._app.serve(arrival, answer, self)
        except Exception:
            log.exception("a request could not be served")
            if not answer.began:
                answer.closes = True
                answer.say(FAULT)
        finally:
            self._task = self._served = None
            self._finish(arrival, answer)

    def _finish(self, arrival: Arrival, answer: Answer) -> None:
        self._state.total_requests += 1
        if self.transport.is_closing() or answer.hands_over:
            return
        if not answer.ended:
            answer.abort()
        elif not arrival.is_complete or (answer.closes and self._has_more_input):
            self._discard()
        elif answer.closes or self._is_leaving:
            self.transport.close()
        else:
            self._expect_more(was_in_head=False)
            self._serve_next()

    @property
    def _has_more_input(self) -> bool:
        """Whether the client has gone on sending behind the request that is answered now."""
        return self._is_discarding or bool(self.waiting) or self.reader.is_in_head or bool(self._preamble)

    def _discard(self) -> None:
        """What the client still sends is read for a while: else it would see a reset instead of the last answer."""
        self._is_discarding = True
        self.waiting.clear()
        self._deadline = self._loop.time() + DISCARD
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    @property
    def writable(self) -> asyncio.Future[None] | None:
        """What to wait for before more is written; None when the client keeps up."""
        return self._writable

    def date(self) -> list[tuple[bytes, bytes]]:
        """The field that uvicorn keeps up to date for what the server says itself."""
        return [field for field in self._state.default_headers if field[0] == b"date"]

    # What the client is waited for

    def _fill(self) -> None:
        """A body comes faster than it is taken; that it does not go on is not the client's fault."""
        self._is_full = True
        self.transport.pause_reading()
        self._deadline = NEVER

    def _drain(self) -> None:
        self._is_full = False
        if len(self.waiting) <= AHEAD:
            self.transport.resume_reading()
        self._expect_more(was_in_head=False)

    def _expect_more(self, *, was_in_head: bool) -> None:
        """Give the client time for what it is to do next: nothing while we are at work on all that it sent."""
        served = self._served
        if self._is_discarding:
            return
        if self._is_full or (served is not None and served.is_complete):
            self._deadline = NEVER
        elif self.reader.is_in_body:
            self._deadline = self._loop.time() + STALL
        elif not self.reader.is_in_head:
            self._deadline = NEVER if self.waiting else self._loop.time() + IDLE
        elif not was_in_head:
            self._deadline = self._loop.time() + HEAD
