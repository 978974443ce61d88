"""A uvicorn server with the life of an instance: listen, register, serve, deregister, linger, drain, close.

uvicorn runs an application's lifespan before it listens and after it has closed the port; registering there would
advertise a dead port. So registration hangs on the server's own startup and shutdown.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Protocol

import uvicorn

from discovery.errors import ListenError

log = logging.getLogger(__name__)

KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than any caller of ours keeps one."""

WITHDRAWAL = 2.0
"""Seconds that deregistering may take before the instance leaves without it."""


class Enrolment(Protocol):
    """What a server does about being found."""

    async def keep(self) -> None: ...
    async def withdraw(self) -> None: ...


class Server(uvicorn.Server):
    """Serves on a socket that is bound already, so that the instance knows its port before anybody can call it.

    Raises ListenError.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        enrolment: Enrolment,
        *,
        linger: float,
        on_leaving: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._enrolment = enrolment
        self._linger = linger
        self._on_leaving = on_leaving
        self._keeping: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except OSError as error:  # another socket was bound to the same port, and began to listen first
            raise ListenError(f"cannot listen: {error.strerror}") from error
        if self.started:
            # Never awaited here: signals are not served yet, and the registry may be away.
            self._keeping = asyncio.create_task(self._keep(), name="registration")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_leaving()
        await self._withdraw()
        await self._keep_answering()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second signal of any kind ends the wait for requests in flight."""
        if self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)

    async def _keep(self) -> None:
        """A bug must neither leave the instance unregistered for good nor go unnoticed."""
        while True:
            try:
                await self._enrolment.keep()
            except Exception:
                log.exception("registration broke, and begins anew")
            await asyncio.sleep(1.0)

    async def _withdraw(self) -> None:
        if self._keeping is None:
            return
        self._keeping.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeping
        try:
            async with asyncio.timeout(WITHDRAWAL):
                await self._enrolment.withdraw()
        except Exception as error:  # whatever it is, it must not keep the process from ending
            log.warning("left without deregistering", extra={"error": str(error) or type(error).__name__})

    async def _keep_answering(self) -> None:
        """Callers learn of the withdrawal in milliseconds, not at once; each answer sends its connection away."""
        goodbye = [(b"connection", b"close")]
        self.server_state.default_headers = [*self.server_state.default_headers, *goodbye]
        loop = asyncio.get_running_loop()
        until = loop.time() + self._linger
        while loop.time() < until and not self.force_exit:
            await asyncio.sleep(0.05)


class _Companion(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # they are the main server's


@asynccontextmanager
async def companion(config: uvicorn.Config, listening: socket.socket) -> AsyncIterator[None]:
    """A second server in the same process, for as long as the context lasts; signals are none of its business."""
    server = _Companion(config)
    task = asyncio.create_task(server.serve([listening]), name="companion server")
    try:
        yield
    finally:
        server.should_exit = True
        await task


@contextmanager
def signals_end_the_process() -> Iterator[None]:
    """SIGTERM and SIGINT exit with 0, also those that uvicorn raises once more after it has shut down."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    before = {each: signal.signal(each, leave) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
