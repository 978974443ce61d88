"""When a program that runs until it is told otherwise is to end, and how soon."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

AT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Leaving:
    """`hurry` is called when somebody does not want to wait: at the second signal, say."""

    def __init__(self, hurry: Callable[[], None]) -> None:
        self._hurry = hurry
        self._told = asyncio.Event()

    def at_signals(self) -> None:
        for number in AT:
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)

    def leave(self, now: bool = False) -> None:
        self._told.set()
        if now:
            self._hurry()

    async def told(self) -> None:
        await self._told.wait()

    async def unless(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do the work, but drop it as soon as it is time to leave. Whether it was done; raises what it raises."""
        working, waiting = asyncio.create_task(work), asyncio.create_task(self.told())
        try:
            await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            if not working.done():
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
        if working.cancelled():
            return False
        await working
        return True

    def _signalled(self) -> None:
        self.leave(now=self._told.is_set())
