"""What happens to one instance while it is called: in flight, latency, ejection. It survives snapshots."""

from __future__ import annotations

from enum import IntEnum
from random import Random

from discovery.ejection import BARRED, Cause, Ejection
from discovery.instance import Instance
from discovery.latency import PeakEwma

IN_FLIGHT_LIMIT = 256


class Standing(IntEnum):
    """How good a choice an instance is; the lower the better."""

    ADMITTED = 0
    DOUBTED = 1
    """Answers, as far as anybody knows, but the registry calls it critical or has lost it."""
    EJECTED = 2
    REFUSING = 3
    BARRED = 4
    """Never chosen: at its limit of requests in flight, or perhaps not the instance at all."""


class Upstream:
    """Live state of one identity. A new boot on the same port is another upstream, with a clean record."""

    __slots__ = (
        "_limit",
        "ejection",
        "in_flight",
        "instance",
        "is_failing",
        "is_listed",
        "last_good",
        "latency",
        "silences",
    )

    def __init__(self, instance: Instance, random: Random, *, limit: int = IN_FLIGHT_LIMIT) -> None:
        self.instance = instance
        self.is_listed = True
        self.silences = 0
        """Probes in a row that got no good answer."""
        self.is_failing = False
        """Whether the last attempt that counts failed."""
        self.last_good: float | None = None
        """When the last good answer came, by the clock of the pool."""
        self.in_flight = 0
        self.latency = PeakEwma()
        self.ejection = Ejection(random)
        self._limit = limit

    def standing(self, now: float) -> Standing:
        if self.in_flight >= self._limit or self.ejection.cause in BARRED:
            return Standing.BARRED
        if self.ejection.admits(now):
            trusted = self.is_listed and self.instance.health != "critical" and self.instance.weight > 0
            return Standing.ADMITTED if trusted else Standing.DOUBTED
        return Standing.REFUSING if self.ejection.cause is Cause.REFUSED else Standing.EJECTED

    def load(self, now: float) -> float:
        """Expected seconds until one more request is done.

        While little was heard from an instance it costs nothing when idle, so that it is soon known, and much when
        busy, so that no crowd runs to it.
        """
        if not self.latency.is_warm:
            return float(self.in_flight)
        return self.latency.at(now) * (self.in_flight + 1)

    def begin(self, now: float) -> int:
        """A request leaves for it; the number of the trial that it is, if it is one. One `end` follows each."""
        self.in_flight += 1
        return self.ejection.begin(now)

    def end(self) -> None:
        self.in_flight -= 1

    def why(self, now: float) -> str:
        """In words for people: why it is, or is not, in rotation."""
        cause = self.ejection.cause
        if cause is not None:
            return "on trial" if self.ejection.trial else cause.value
        if self.standing(now) is Standing.BARRED:
            return "at its limit of requests in flight"
        if not self.is_listed:
            return "answers, but the registry has lost it: used when nothing better is left"
        if self.instance.health == "critical":
            return "critical in the registry: used when nothing better is left"
        return "draining: weight 0" if not self.instance.weight else "admitted"
