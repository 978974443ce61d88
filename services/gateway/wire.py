"""HTTP/1.1 to all instances, pooled: the seam behind which requests leave the gateway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from discovery.addresses import Forbidden
from discovery.connecting import CONNECT, connect_failure
from discovery.errors import AttemptFailed, ConnectFailed, NeverSent
from discovery.instance import Identity, Instance
from discovery.reply import Settle
from services.gateway.connection import Connection, Exchange
from services.gateway.request import Request
from services.gateway.response import Response

log = logging.getLogger(__name__)

IDLE_UNKNOWN, IDLE_OURS = 3.0, 30.0
"""Seconds that an idle connection is kept: our own servers keep theirs for 75, of others nothing is known."""


class Wire:
    """Connections to all instances. Close it with `aclose`; `sweep` wants to be called every second or so."""

    def __init__(self, clock: Callable[[], float], forbidden: Forbidden | None = None) -> None:
        self._clock = clock
        self._forbidden = forbidden or Forbidden()
        self._idle: dict[Identity, dict[Connection, None]] = {}
        self._all: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        """How many connections there are, busy or idle."""
        return len(self._all)

    async def aclose(self) -> None:
        for task in list(self._connecting):
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for connection in list(self._all):
            connection.abort()
        await asyncio.sleep(0)

    def start(self, instance: Instance, request: Request, settle: Settle[Response], *, hold: bool) -> Exchange:
        """Send a request. It is settled with AttemptFailed, or with what a streaming body raised, or a response.

        `hold`: a small response is waited for whole, and the request may be sent once more on a fresh connection
        when a reused one turns out to have ended.
        """
        exchange = Exchange(instance, request, settle, hold=hold)
        idle = self._idle.get(instance.identity)
        while idle:
            connection, _ = idle.popitem()
            if connection.is_usable:
                connection.send(exchange)
                return exchange
        self._connect(exchange)
        return exchange

    def sweep(self) -> None:
        """End connections that have been idle for too long, and those whose response stalls."""
        now = self._clock()
        for connection in list(self._all):
            connection.sweep(now)
        for identity, idle in list(self._idle.items()):
            for connection in [each for each in idle if each.idle_until <= now]:
                del idle[connection]
                connection.close()
            if not idle:
                del self._idle[identity]

    def _connect(self, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._open(exchange))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _open(self, exchange: Exchange) -> None:
        try:
            connection = await self._connected(exchange.instance)
        except AttemptFailed as failure:
            exchange.settle(failure)
            return
        except Exception:  # a fault of ours must not leave the request waiting
            log.exception("connecting broke", extra={"instance": exchange.instance.id})
            exchange.settle(NeverSent("no connection"))
            return
        if exchange.is_over:
            connection.abort()
        else:
            connection.send(exchange)

    async def _connected(self, instance: Instance) -> Connection:
        """A fresh connection. Raises ConnectRefused, ConnectFailed, or NeverSent when the fault is ours."""
        loop = asyncio.get_running_loop()
        identity = instance.identity

        def on_idle(connection: Connection) -> None:
            connection.idle_until = self._clock() + (IDLE_OURS if identity.boot_id else IDLE_UNKNOWN)
            self._idle.setdefault(identity, {})[connection] = None

        def on_lost(connection: Connection) -> None:
            self._all.discard(connection)
            self._idle.get(identity, {}).pop(connection, None)

        try:
            async with asyncio.timeout(CONNECT):
                transport, connection = await loop.create_connection(
                    lambda: Connection(instance.id, on_idle, on_lost, self._connect), instance.address, instance.port
                )
        except TimeoutError:
            raise ConnectFailed("no connection in time") from None
        except OSError as error:
            raise connect_failure(error) from None
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if not peer or not own:  # reset before we could look at it
            connection.abort()
            raise ConnectFailed("the connection ended at once")
        if why := self._forbidden.reason(peer[0], peer[1], is_here=peer[0] == own[0]):
            connection.abort()
            raise ConnectFailed(f"must not be called: {why}")
        self._all.add(connection)
        return connection
