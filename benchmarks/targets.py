"""What the gateway is held to, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.comparison import DIRECT
from benchmarks.sample import Cell, Sample, Samples, added_ms, ratio
from benchmarks.scale import Scale
from benchmarks.soak.run import Soak
from benchmarks.workload import SMALL_GET

OURS = "ours"
MANY, ONE = Cell(SMALL_GET, 32), Cell(SMALL_GET, 1)

SOAKED = (
    ("answers that were not their request's", 0, ""),
    ("requests that failed though nobody gave them up", 0, ""),
    ("connections and requests left over", 0, ""),
    ("file descriptors left over", 0, ""),
    ("tasks left over", 0, ""),
    ("memory left over", 4, "MB"),
    ("peak memory", 256, "MB"),
)
"""Names, bounds and units. 4 MB is what an allocator keeps; a leak of 100 bytes a request would be 5."""


@dataclass(frozen=True, slots=True)
class Target:
    """`measured` is None where the run does not tell: a peer is missing, or its section was left out."""

    name: str
    bound: float
    at_least: bool
    unit: str
    measured: float | None

    @property
    def is_met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def wire_targets(samples: Samples) -> list[Target]:
    """Ours beside each peer in the same rounds."""
    return [
        _times(samples, "go-kit", 1.0),
        _times(samples, "haproxy", 0.35),
        _times(samples, "fastapi", 10.0),
        Target("p99 at 32 connections beside go-kit's", 1.0, False, "times", _p99(samples)),
        Target("time added at 1 connection beside nginx's", 2.0, False, "times", _added(samples)),
    ]


def scale_targets(found: Scale | None) -> list[Target]:
    choose, change = (found.choose_us, found.change_ms) if found else (None, None)
    return [
        Target("choosing among 1,000 instances", 5.0, False, "µs", choose),
        Target("one change among 100 services of 100 blocks for", 5.0, False, "ms", change),
    ]


def soak_targets(found: Soak | None) -> list[Target]:
    """What the second storm left behind that the first one had not, and no wrong answer in either."""
    if found is None:
        return [Target(name, bound, False, unit, None) for name, bound, unit in SOAKED]
    failures = found.storms.failures.total() + found.uploads.failures.total()
    tasks = None if found.second.tasks is None else found.second.tasks - (found.first.tasks or 0)
    measured: list[float | None] = [
        found.storms.mismatched + found.uploads.mismatched,
        failures,
        found.second.clients + found.second.upstreams + found.second.in_flight,
        found.second.descriptors - found.first.descriptors,
        tasks,
        found.second.resident_mb - found.first.resident_mb,
        found.peak_mb,
    ]
    return [Target(*one[:2], False, one[2], found) for one, found in zip(SOAKED, measured, strict=True)]


def _times(samples: Samples, peer: str, bound: float) -> Target:
    both = _both(samples, MANY, peer)
    measured = ratio(*both, lambda each: each.requests_per_second) if both else None
    return Target(f"requests/s at 32 connections beside {peer}", bound, True, "times", measured)


def _p99(samples: Samples) -> float | None:
    both = _both(samples, MANY, "go-kit")
    return ratio(*both, lambda each: each.p99_ms) if both else None


def _added(samples: Samples) -> float | None:
    both, direct = _both(samples, ONE, "nginx"), samples.get((DIRECT, ONE))
    if not both or not direct:
        return None
    ours, nginx = (added_ms(each, direct) for each in both)
    return ours / nginx if nginx > 0 else None


def _both(samples: Samples, cell: Cell, peer: str) -> tuple[Sequence[Sample], Sequence[Sample]] | None:
    ours, theirs = samples.get((OURS, cell)), samples.get((peer, cell))
    return (ours, theirs) if ours and theirs else None
