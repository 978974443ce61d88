"""Derivations in a few threads, with a bounded queue before them: the event loop stays free, the rest is told no.

A derivation that has begun cannot be stopped; its thread stays taken until it is done, whoever has left.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.encrypt.errors import Overloaded


class DerivationPool:
    """At most `workers` at work and `queue` waiting, first come first served. `clock` is in seconds."""

    def __init__(self, *, workers: int, queue: int, clock: Callable[[], float]) -> None:
        self._workers = workers
        self._queue = queue
        self._clock = clock
        self._free = asyncio.Semaphore(workers)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="derivation")
        self.waiting = 0
        self.done = 0
        self.seconds = 0.0

    async def run(self, derive: Callable[[], bytes], *, begun: Callable[[], None] = lambda: None) -> bytes:
        """What `derive` returns, in its turn, of which `begun` is told. Raises Overloaded when the queue is full."""
        await self._turn()
        begun()
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._timed, derive)
        work.add_done_callback(self._count)
        return (await asyncio.shield(work))[0]

    def close(self) -> None:
        """Wait for the derivations that have begun; the rest will not be."""
        self._threads.shutdown(cancel_futures=True)

    async def _turn(self) -> None:
        if self._free.locked() and self.waiting >= self._queue:
            raise Overloaded(self._retry_after())
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1

    def _timed(self, derive: Callable[[], bytes]) -> tuple[bytes, float]:
        started = self._clock()
        return derive(), self._clock() - started

    def _count(self, work: asyncio.Future[tuple[bytes, float]]) -> None:
        self._free.release()
        if not work.cancelled() and work.exception() is None:
            self.done += 1
            self.seconds += work.result()[1]

    def _retry_after(self) -> int:
        """Whole seconds, as the header wants them, in which the queue of now should be empty."""
        each = self.seconds / self.done if self.done else 0.0
        return max(1, math.ceil(each * self.waiting / self._workers))
