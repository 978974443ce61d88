"""Keep running checks: each in its own time, the first run somewhere within its interval."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from discovery.devagent.entries import Check, Verdict

log = logging.getLogger(__name__)

Probe = Callable[[Check], Awaitable[Verdict]]
Report = Callable[[str, Verdict], None]
Sleep = Callable[[float], Awaitable[None]]


class Checks:
    """At most one run of each check at a time; what is stopped reports no more."""

    def __init__(
        self, probe: Probe, report: Report, *, random: Callable[[], float], sleep: Sleep = asyncio.sleep
    ) -> None:
        self._probe, self._report = probe, report
        self._random, self._sleep = random, sleep
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, checks: Iterable[Check]) -> None:
        """Begin these, and begin anew those that run under the same ID."""
        for check in checks:
            self.stop([check.id])
            self._running[check.id] = asyncio.create_task(self._keep_running(check), name=f"check {check.id}")

    def stop(self, check_ids: Iterable[str]) -> None:
        for check_id in check_ids:
            if running := self._running.pop(check_id, None):
                running.cancel()

    async def aclose(self) -> None:
        running = list(self._running.values())
        self.stop(list(self._running))
        await asyncio.gather(*running, return_exceptions=True)

    async def _keep_running(self, check: Check) -> None:
        await self._sleep(self._random() * check.interval)
        while True:
            self._report(check.id, await self._verdict(check))
            await self._sleep(check.interval)

    async def _verdict(self, check: Check) -> Verdict:
        """A fault of our own must not end the check: its instance would stay as it is, for ever."""
        try:
            return await self._probe(check)
        except Exception as error:
            log.exception("a check broke", extra={"check": check.id})
            return Verdict("critical", f"the check itself broke: {type(error).__name__}")
