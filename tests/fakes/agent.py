"""A Consul agent as an instance sees it that registers: it keeps entries, blocks on their hashes, and can be hurt."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count

from discovery.documents import Entry, Registration
from discovery.errors import RegistryError
from discovery.instance import Health, Instance


class FakeAgent:
    """`calls` counts what was asked of it; while `trouble` is set every call raises it."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.health: dict[str, Health] = {}
        self.calls: Counter[str] = Counter()
        self.trouble: RegistryError | None = None
        self.is_deaf = False
        """Takes registrations and forgets them at once, as a wrong server on the port does."""
        self.lands_after = 0.0
        """Seconds until a registration is carried out, and answered, whether anybody still waits for that or not."""
        self._hashes = count(1)
        self._changed = asyncio.Event()

    def put(self, instance: Instance) -> None:
        """Somebody registers this instance."""
        self.entries[instance.id] = Entry(instance, f"hash-{next(self._hashes)}")
        self._tell()

    def forget(self, *, trouble: RegistryError | None = None) -> None:
        """Killed and, unless `trouble` goes on, started again empty: those who wait lose their connections."""
        self.entries.clear()
        self.trouble = trouble
        self._tell()

    async def register(self, registration: Registration, health: Health = "passing") -> None:
        self._count("register")
        if not self.is_deaf:
            self.health[registration.instance.id] = health
            if self.lands_after:
                asyncio.get_running_loop().call_later(self.lands_after, self.put, registration.instance)
                await asyncio.sleep(self.lands_after)
            else:
                self.put(registration.instance)

    async def deregister(self, instance_id: str) -> None:
        self._count("deregister")
        self.entries.pop(instance_id, None)
        self._tell()

    async def entry(self, instance_id: str, *, content_hash: str = "", wait: float = 60.0) -> Entry | None:
        self._count("entry")
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while content_hash and self._hash(instance_id) == content_hash and loop.time() < until:
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            except TimeoutError:
                break
            if self.trouble is not None:
                raise self.trouble
        await asyncio.sleep(0.001)
        return self.entries.get(instance_id)

    def _count(self, call: str) -> None:
        self.calls[call] += 1
        if self.trouble is not None:
            raise self.trouble

    def _hash(self, instance_id: str) -> str:
        entry = self.entries.get(instance_id)
        return entry.content_hash if entry else ""

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
