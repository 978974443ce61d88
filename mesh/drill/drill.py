"""What a drill is: something that is done to a mesh under load, and what clients may notice of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from mesh.drill.scene import Scene


class Needs(Enum):
    """What there must be to hurt."""

    INSTANCES = "instances"
    REGISTRY = "a registry of our own"
    DATA = "a registry of our own that keeps its data"


@dataclass(frozen=True, slots=True)
class Pace:
    """`rate` in requests a second; what is hurt stays so for `seconds`; it is hurt so many `times` in a row."""

    rate: float
    seconds: float
    times: int = 1

    @property
    def rehearsals(self) -> int:
        """How often it is hurt before that, so that what a process takes once is not taken for growth."""
        return self.times // 10


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit. Milliseconds are for a quiet machine, and count only when somebody is strict about them.

    load: requests that reach the instances for each that a client sends
    p99_ms, worst_ms: of requests from the moment on when something is hurt
    rediscovered_ms: from an instance's port being open to the first answer of it that a client gets
    returned_ms: the same from an instance's being let go, or healed
    registered_ms: from a registry's first answer to its knowing all instances
    """

    load: float | None = None
    p99_ms: float | None = None
    worst_ms: float | None = None
    rediscovered_ms: float | None = None
    returned_ms: float | None = None
    registered_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Drill:
    """`excused` are the failures that a client must expect from the hurt on until somebody is back, where nobody is
    left; other drills have none. `settle`: seconds of load before anything is measured, where times are judged.
    `environment`: what its mesh is told besides.
    """

    name: str
    what: str
    act: Callable[[Scene], Awaitable[None]]
    limits: Limits
    needs: Needs = Needs.INSTANCES
    excused: frozenset[str] = frozenset()
    settle: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)
