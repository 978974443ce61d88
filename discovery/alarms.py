"""Alarms of which nearly all are taken back before they ring: set and unset for next to nothing, with one timer.

A timer of the event loop costs more than choosing an instance does, and each request wants one. So alarms lie in slots
of a few milliseconds, and the loop is asked to wake for the earliest only: the timing wheel of Varghese and Lauck,
"Hashed and Hierarchical Timing Wheels" (1987).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import Protocol

SLOT = 0.005
"""Seconds. Alarms ring at their own time; a slot only says where one lies."""

ROUNDING = 0.0005
"""Seconds by which a timer of uvloop, which counts in milliseconds, may come too early."""


class Sleeper(Protocol):
    """Who wants to be woken. It lies in a dictionary, by its identity."""

    def ring(self) -> None: ...


class Alarms:
    """Each sleeper has one alarm at most. `clock` is in seconds, the one of the times that are set."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slots: dict[int, dict[Sleeper, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = inf

    @property
    def waiting(self) -> int:
        """How many alarms are set."""
        return sum(map(len, self._slots.values()))

    def set(self, sleeper: Sleeper, at: float) -> int:
        """Wake it at that time. Returns the slot, by which the alarm is taken back."""
        slot = int(at / SLOT)
        sleepers = self._slots.get(slot)
        if sleepers is None:
            sleepers = self._slots[slot] = {}
        sleepers[sleeper] = at
        if at < self._wakes_at:
            self._wake_at(at)
        return slot

    def take_back(self, sleeper: Sleeper, slot: int) -> None:
        """Also when it has rung."""
        sleepers = self._slots.get(slot)
        if sleepers is not None and sleepers.pop(sleeper, None) is not None and not sleepers:
            del self._slots[slot]

    def _wake_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = at
        self._timer = asyncio.get_running_loop().call_later(max(0.0, at - self._clock()), self._ring)

    def _ring(self) -> None:
        self._timer, self._wakes_at = None, inf
        now = self._clock() + ROUNDING
        slots = sorted(slot for slot in self._slots if slot * SLOT <= now)
        due = [(sleeper, slot) for slot in slots for sleeper, at in self._slots[slot].items() if at <= now]
        for sleeper, slot in due:
            self.take_back(sleeper, slot)
            _ring_for(sleeper)
        if self._slots:
            self._wake_at(min(self._slots[min(self._slots)].values()))


def _ring_for(sleeper: Sleeper) -> None:
    """At once: a moment later it may wait for something else. One that breaks must not keep others asleep."""
    try:
        sleeper.ring()
    except Exception as error:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "an alarm could not be heard", "exception": error})
