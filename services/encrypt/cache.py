"""A bounded cache whose values live for a fixed time, used or not; the least recently used go first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")


class ExpiringCache(Generic[Name, Value]):
    """`lifetime` in seconds of `clock`. What has expired is never given out, and gone at the next sweep."""

    def __init__(self, *, capacity: int, lifetime: float, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._lifetime = lifetime
        self._clock = clock
        self._entries: OrderedDict[Name, tuple[float, Value]] = OrderedDict()

    def get(self, name: Name) -> Value | None:
        expires, value = self._entries.get(name, (0.0, None))
        if value is None:
            return None
        if expires <= self._clock():
            self.drop(name)
            return None
        self._entries.move_to_end(name)
        return value

    def add(self, name: Name, value: Value) -> None:
        """Keep `value` from now on. One that is there already stays, and gets no new lease of life."""
        if self.get(name) is not None:
            return
        self._entries[name] = (self._clock() + self._lifetime, value)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def drop(self, name: Name) -> None:
        self._entries.pop(name, None)

    def sweep(self) -> None:
        """Forget what has expired, so that it does not stay in memory until somebody asks for it."""
        now = self._clock()
        for name in [name for name, (expires, _) in self._entries.items() if expires <= now]:
            del self._entries[name]

    def __len__(self) -> int:
        return len(self._entries)
