"""Try in the background those who are out of rotation, so that no client's request has to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from discovery.ejection import Cause
from discovery.instance import Instance
from discovery.pool import Pool
from discovery.probe import Verdict
from discovery.upstream import Upstream

log = logging.getLogger(__name__)

PAUSES = (0.25, 0.5)
"""Seconds before the first probes; from then on one each second."""

PROBED = frozenset({Cause.REFUSED, Cause.STRANGER, Cause.SILENT, Cause.UNPROVEN})


class Asks(Protocol):
    async def ask(self, instance: Instance) -> Verdict: ...


class Prober:
    """One task for each upstream in doubt. Close it with `aclose`."""

    def __init__(self, probe: Asks, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._probe = probe
        self._sleep = sleep
        self._tasks: dict[Upstream, asyncio.Task[None]] = {}

    def doubt(self, pool: Pool, upstream: Upstream) -> None:
        """Probe it until it is out of doubt or out of the pool."""
        if upstream not in self._tasks:
            task = asyncio.create_task(self._follow(pool, upstream), name=f"probe {upstream.instance.id}")
            self._tasks[upstream] = task

    async def aclose(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, pool: Pool, upstream: Upstream) -> None:
        try:
            turn = 0
            while pool.holds(upstream) and is_in_doubt(upstream):
                if upstream.ejection.cause is not Cause.UNPROVEN or turn:
                    await self._sleep(PAUSES[turn] if turn < len(PAUSES) else 1.0)
                verdict = await self._ask(upstream.instance)
                if pool.holds(upstream):
                    pool.probed(upstream, verdict)
                turn += 1
        finally:
            # In the turn of the loop in which the doubt ended, so that one that begins right after it is not lost.
            self._tasks.pop(upstream, None)

    async def _ask(self, instance: Instance) -> Verdict:
        """A bug must not end the only thing that can bring an instance back."""
        try:
            return await self._probe.ask(instance)
        except Exception:
            log.exception("a probe broke", extra={"instance": instance.id})
            return Verdict.SILENT


def is_in_doubt(upstream: Upstream) -> bool:
    """Whether only a probe can tell what has become of it."""
    return upstream.ejection.cause in PROBED or not upstream.is_listed
