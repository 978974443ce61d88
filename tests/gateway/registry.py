"""A registry that says what a test wants: whole snapshots, told to whoever waits for the next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from discovery.documents import Answer
from discovery.instance import Instance


class FakeRegistry:
    """The part of Consul that a resolver needs, in memory."""

    def __init__(self, *instances: Instance) -> None:
        self._index = 1
        self._instances = instances
        self._changed = asyncio.Event()

    def list(self, *instances: Instance) -> None:
        """From now on these, of whatever service, and no others."""
        self._index += 1
        self._instances = instances
        self._changed.set()
        self._changed = asyncio.Event()

    async def services(self, *, index: int = 0, wait: float = 60.0) -> Answer[Mapping[str, Sequence[str]]]:
        await self._news(index, wait)
        names = {each.service for each in self._instances}
        tags = {name: [tag for each in self._instances if each.service == name for tag in each.tags] for name in names}
        return Answer(self._index, {"consul": [], **tags})

    async def instances(self, service: str, *, index: int = 0, wait: float = 60.0) -> Answer[tuple[Instance, ...]]:
        await self._news(index, wait)
        return Answer(self._index, tuple(each for each in self._instances if each.service == service))

    async def _news(self, index: int, wait: float) -> None:
        if index >= self._index:
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass
