"""Once a second, connections that have been idle or kept us waiting for too long are ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

import uvicorn

from services.gateway.listener import Listener
from services.gateway.tunnel import Tunnel
from services.gateway.wire import Wire

log = logging.getLogger(__name__)


async def sweep(wire: Wire, server: uvicorn.Server) -> None:
    while True:
        await asyncio.sleep(1.0)
        now = asyncio.get_running_loop().time()
        _swept(wire.sweep)
        for each in list(server.server_state.connections):
            _swept(cast(Listener | Tunnel, each).sweep, now)


def _swept(sweep: Callable[..., None], *now: float) -> None:
    try:
        sweep(*now)
    except Exception:  # one connection that breaks must not keep all others open for ever
        log.exception("a connection could not be swept")
