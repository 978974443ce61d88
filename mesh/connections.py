"""Keep-alive connections to one address: another is opened whenever none is idle, up to a limit."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from time import monotonic

from mesh.report import HANG, REFUSED, Answer
from mesh.wire import Connection, Exchange

IDLE_AT_MOST = 3.0
"""Seconds after which an idle connection is not used again: well below the keep-alive of any server, so that
a request does not meet a connection that is just being closed."""

SWEEP_EVERY = 0.25
"""Seconds between looks for requests whose time is over: one timer for all instead of one for each."""


class Connections:
    """Requests beyond `limit` connections wait for one; each ends with exactly one call of `answered`."""

    def __init__(self, host: str, port: int, *, limit: int, timeout: float, answered: Callable[[Answer], None]) -> None:
        self._host = host
        self._port = port
        self._limit = limit
        self._timeout = timeout
        self._answered = answered
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[Exchange] = deque()
        self._unanswered: dict[Exchange, None] = {}
        self._settled = asyncio.Event()
        self._settled.set()
        self._sweeper: asyncio.TimerHandle | None = None

    def submit(self, request: bytes, scheduled_at: float) -> None:
        """Send `request` now, or as soon as there is a connection for it."""
        exchange = Exchange(request, scheduled_at)
        self._unanswered[exchange] = None
        self._settled.clear()
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(SWEEP_EVERY, self._sweep)
        connection = self._reusable()
        if connection is not None:
            connection.send(exchange)
        else:
            self._waiting.append(exchange)
            self._open_another()

    async def settled(self) -> None:
        """Return when every request has ended; none takes longer than the timeout."""
        await self._settled.wait()

    async def aclose(self) -> None:
        """Break off what is still going on."""
        self._waiting.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for connection in self._open:
            connection.abort()
        while self._open:
            await asyncio.sleep(0)

    def _reusable(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if monotonic() - connection.idle_since < IDLE_AT_MOST:
                return connection
            connection.abort()
        return None

    def _open_another(self) -> None:
        wanted = len(self._waiting) > len(self._opening)
        if wanted and len(self._open) + len(self._opening) < self._limit:
            task = asyncio.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._tried_to_open)

    def _tried_to_open(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._open_another()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: Connection(self), self._host, self._port)
        except OSError as error:
            if self._waiting:
                self.finish(self._waiting.popleft(), error=_why_not(error))

    def _sweep(self) -> None:
        """Give up on the requests whose time is over: the oldest, as they are kept in the order of their times."""
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_EVERY, self._sweep)
        overdue = monotonic() - self._timeout
        for exchange in tuple(self._unanswered):
            if exchange.scheduled_at > overdue:
                return
            if exchange.connection is None:
                self._waiting.remove(exchange)
            else:
                exchange.connection.abort()
            self.finish(exchange, error=HANG)

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)
        self.free(connection)

    def free(self, connection: Connection) -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            connection.idle_since = monotonic()
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._open_another()

    def finish(
        self,
        exchange: Exchange,
        *,
        status: int | None = None,
        served_by: str = "",
        attempts: int = 1,
        error: str | None,
    ) -> None:
        if exchange not in self._unanswered:
            return  # given up before
        del self._unanswered[exchange]
        if not self._unanswered:
            self._settled.set()
        self._answered(Answer(exchange.scheduled_at, monotonic(), status, served_by, attempts, error))


def _why_not(error: OSError) -> str:
    """A refusal is the server's; anything else (no more file descriptors, say) may be this machine's own."""
    if isinstance(error, ConnectionRefusedError):
        return REFUSED
    return f"no connection ({errno.errorcode.get(error.errno or 0, type(error).__name__)})"
