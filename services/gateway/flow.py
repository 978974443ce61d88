"""A body on its way from one connection to another: a small buffer with back-pressure on whoever fills it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HIGH = 64 * 1024
"""Bytes in the buffer at which the sender is asked to pause."""


class Flow:
    """Filled by a protocol, emptied by a task (`async for`). `pause` and `resume` act on the filling side."""

    __slots__ = ("_ended", "_error", "_parts", "_paused", "_size", "_waiter", "pause", "resume")

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self.pause = pause
        self.resume = resume
        self._parts: list[bytes] = []
        self._size = 0
        self._paused = False
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_complete(self) -> bool:
        return self._ended and self._error is None

    @property
    def size(self) -> int:
        return self._size

    def feed(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > HIGH and not self._paused:
            self._paused = True
            self.pause()
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """Whoever reads gets what has come, then the error. Too late once the end has come."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wake()

    def take(self) -> bytes:
        """All that is there now."""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self.resume()
        return data

    def let_go(self) -> None:
        """Who fills it is through and may turn to something else, however slowly this is emptied."""
        if self._paused:
            self._paused = False
            self.resume()
        self.pause = self.resume = _nothing

    def __aiter__(self) -> Flow:
        return self

    async def __anext__(self) -> bytes:
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.take()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _nothing() -> None:
    pass


EMPTY = Flow(_nothing, _nothing)
"""The body of every request that has none."""

EMPTY.end()
