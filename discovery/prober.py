"""Try in the background those who are out of rotation, so that no client's request has to; few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Protocol

from discovery.ejection import Cause
from discovery.instance import Instance
from discovery.pool import Pool
from discovery.probe import Verdict
from discovery.upstream import Upstream

log = logging.getLogger(__name__)

PAUSES = (0.25, 0.5)
"""Seconds before the first probes; from then on one each second."""

AT_ONCE = 64
"""Probes under way, so that a registry that has lost thousands costs no client a connection or a file descriptor."""

RATE = 250
"""Probes a second, on average, in a crowd: at half a millisecond each, an eighth of a core."""

PROBED = frozenset({Cause.REFUSED, Cause.STRANGER, Cause.SILENT, Cause.UNPROVEN})


class Asks(Protocol):
    async def ask(self, instance: Instance) -> Verdict: ...


class Prober:
    """One task for each upstream in doubt. Close it with `aclose`."""

    def __init__(
        self, probe: Asks, *, random: Random, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._probe = probe
        self._random = random
        self._sleep = sleep
        self._free = asyncio.Semaphore(AT_ONCE)
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
                is_urgent = upstream.ejection.cause is Cause.UNPROVEN and not turn
                if seconds := pause(self._random, 0 if is_urgent else turn + 1, len(self._tasks)):
                    await self._sleep(seconds)
                async with self._free:
                    if not (pool.holds(upstream) and is_in_doubt(upstream)):
                        break
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


def pause(random: Random, number: int, in_doubt: int) -> float:
    """Seconds before probe `number` of one of so many, from 1; 0 is one that cannot wait.

    Those who fell into doubt together must not be asked together for ever, and a crowd must wait its turn.
    """
    wanted = 0.0 if not number else PAUSES[number - 1] if number <= len(PAUSES) else 1.0
    crowded = max(0.0, in_doubt / RATE - 1.0)
    return wanted * random.uniform(0.75, 1.0) + random.uniform(0.0, 2.0 * crowded)


def is_in_doubt(upstream: Upstream) -> bool:
    """Whether only a probe can tell what has become of it."""
    return upstream.ejection.cause in PROBED or not upstream.is_listed
