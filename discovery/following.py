"""Tasks that go on for as long as somebody wants them, each under a name; a bug does not end one for good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


class Following:
    """Work that returns is over; what it raises is logged, and it begins anew. Close it with `aclose`."""

    def __init__(self, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, name: str, work: Work) -> None:
        """Once: what is under way goes on."""
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._persist(name, work), name=f"watch {name or 'services'}")

    def stop(self, name: str) -> None:
        """No harm is done if it has ended, or asks for it itself."""
        task = self._tasks.pop(name, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def aclose(self) -> None:
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _persist(self, name: str, work: Work) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("broke, and begins anew", extra={"task": name})
            else:
                self.stop(name)
                return
            await self._sleep(1.0)
