"""What a drill is: something that is done to a mesh under load, and what clients may notice of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from mesh.drill.scene import Scene


class Needs(Enum):
    """What there must be to hurt."""

    INSTANCES = "instances"
    REGISTRY = "a registry of our own"
    DATA = "a registry of our own that keeps its data"


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit. Milliseconds are for a quiet machine, and count only when somebody is strict about them.

    load: requests that reach the instances for each that a client sends
    p99_ms, worst_ms: of requests from the moment on when something is hurt
    rediscovered_ms: from an instance's port being open to the first answer of it that a client gets
    registered_ms: from a registry's first answer to its knowing all instances
    """

    load: float | None = None
    p99_ms: float | None = None
    worst_ms: float | None = None
    rediscovered_ms: float | None = None
    registered_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Drill:
    """`excused` are the failures that a client must expect from the hurt on until somebody is back, where nobody is
    left; other drills have none. `settle`: seconds of load before anything is measured.
    """

    name: str
    what: str
    act: Callable[[Scene], Awaitable[None]]
    limits: Limits
    needs: Needs = Needs.INSTANCES
    excused: frozenset[str] = frozenset()
    settle: float = 0.0
