"""A registry in memory that blocks as Consul does, and can be taken down, emptied, confused and silenced."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from discovery.documents import Answer
from discovery.errors import RegistryError
from discovery.instance import Instance


class FakeRegistry:
    """`asked` counts questions by name. While `trouble` is set every question raises it, also those that wait."""

    def __init__(self) -> None:
        self.index = 1
        self.asked: Counter[str] = Counter()
        self.trouble: RegistryError | None = None
        self.refusals: dict[str, RegistryError] = {}
        """What only questions for some services raise."""
        self.is_blind = False
        """Lists nobody, with status 200 and an index as before: a revoked token, a lost leader."""
        self._entries: dict[tuple[str, str], Instance] = {}
        self._changed = asyncio.Event()

    def put(self, *instances: Instance) -> None:
        for each in instances:
            self._entries[each.id, each.address] = each
        self.tell()

    def remove(self, *instance_ids: str) -> None:
        for key in [key for key in self._entries if key[0] in instance_ids]:
            del self._entries[key]
        self.tell()

    def go_down(self, trouble: RegistryError) -> None:
        self.trouble = trouble
        self.tell()

    def come_back(self, *, empty: bool = False) -> None:
        """Started again: `-dev` has forgotten everything, and counts from the beginning."""
        self.trouble = None
        if empty:
            self._entries.clear()
            self.index = 0
        self.tell()

    def tell(self) -> None:
        """Something may have changed: whoever waits gets an answer."""
        self.index += 1
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def entries(self) -> list[Instance]:
        """What it holds, whatever it says."""
        return list(self._entries.values())

    @property
    def listed(self) -> list[Instance]:
        return [] if self.is_blind else self.entries

    async def services(self, *, index: int = 0, wait: float = 60.0) -> Answer[Mapping[str, Sequence[str]]]:
        await self._wait("services", index, wait)
        tags: dict[str, list[str]] = {} if self.is_blind else {"consul": []}
        for each in self.listed:
            tags.setdefault(each.service, []).extend(each.tags)
        return Answer(self.index, tags)

    async def instances(self, service: str, *, index: int = 0, wait: float = 60.0) -> Answer[tuple[Instance, ...]]:
        await self._wait(service, index, wait)
        return Answer(self.index, tuple(each for each in self.listed if each.service == service))

    async def _wait(self, asked: str, index: int, wait: float) -> None:
        self.asked[asked] += 1
        self._raise_trouble(asked)
        until = asyncio.get_running_loop().time() + wait
        while 0 < self.index <= index:
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            except TimeoutError:
                break
            self._raise_trouble(asked)
        await asyncio.sleep(0.001)

    def _raise_trouble(self, asked: str) -> None:
        trouble = self.trouble or self.refusals.get(asked)
        if trouble is not None:
            raise trouble
