"""Single flight: many who want the same thing at the same time wait for one piece of work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeAlias, TypeVar

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")

TakeOff: TypeAlias = Callable[[], None]
"""To be called by work that has come so far that it is worth finishing for whoever comes next."""


class _Flight(Generic[Value]):
    def __init__(self, depart: Callable[[TakeOff], Coroutine[Any, Any, Value]]) -> None:
        self.aboard = 0
        self.is_airborne = False
        self.work = asyncio.create_task(depart(self._take_off))

    def _take_off(self) -> None:
        self.is_airborne = True


class SingleFlight(Generic[Name, Value]):
    """One flight for each name. It is cancelled with the last who leaves, unless it has taken off."""

    def __init__(self) -> None:
        self._flights: dict[Name, _Flight[Value]] = {}

    def __contains__(self, name: Name) -> bool:
        return name in self._flights

    async def join(self, name: Name, depart: Callable[[TakeOff], Coroutine[Any, Any, Value]]) -> Value:
        """The value of the flight under way, or of a new one. What it raises, all aboard get."""
        flight = self._flights.get(name) or self._start(name, depart)
        flight.aboard += 1
        try:
            return await asyncio.shield(flight.work)
        finally:
            flight.aboard -= 1
            if not flight.aboard and not flight.is_airborne:
                self._end(name, flight)

    def _start(self, name: Name, depart: Callable[[TakeOff], Coroutine[Any, Any, Value]]) -> _Flight[Value]:
        flight = self._flights[name] = _Flight(depart)
        flight.work.add_done_callback(lambda _: self._end(name, flight))
        return flight

    def _end(self, name: Name, flight: _Flight[Value]) -> None:
        """Whoever comes from now on starts anew: nobody joins work that is done or being cancelled."""
        flight.work.cancel()
        if self._flights.get(name) is flight:
            del self._flights[name]
