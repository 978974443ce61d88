"""What a server does about being found, as a list of what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class FakeEnrolment:
    """`done` lists what happened. `keep` raises each `trouble` once, and both await what they are given."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.trouble: list[Exception] = []
        self.on_keep: Callable[[], Awaitable[object]] = _nothing
        self.on_withdraw: Callable[[], Awaitable[object]] = _nothing

    async def keep(self) -> None:
        await self.on_keep()
        self.done.append("keep")
        if self.trouble:
            raise self.trouble.pop(0)
        try:
            await asyncio.Event().wait()
        finally:
            self.done.append("kept")

    async def withdraw(self) -> None:
        self.done.append("withdraw")
        await self.on_withdraw()
        self.done.append("withdrawn")


async def _nothing() -> None:
    pass
