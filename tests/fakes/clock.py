"""A clock that stands still until somebody sleeps: for rooms in which one thing sleeps at a time."""

from __future__ import annotations

import asyncio


class Clock:
    """Call it for the time; `slept` says what was slept, in seconds."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
