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

ALLOCATOR_KEEPS = 4.0
"""MB by which two storms may differ; a leak of 100 bytes a request would be 5."""


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


def scale_targets(found: Scale) -> list[Target]:
    return [
        Target("choosing among 1,000 instances", 5.0, False, "µs", found.choose_us),
        Target("one change among 100 services of 100 blocks for", 5.0, False, "ms", found.change_ms),
    ]


def soak_targets(found: Soak) -> list[Target]:
    """No wrong answer in either storm, and nothing that the second left and the first had not."""
    first, second, tallies = found.first, found.second, (found.storms, found.uploads)
    tasks = None if first.tasks is None or second.tasks is None else second.tasks - first.tasks
    return [
        _none_of("answers that were not their request's", sum(each.mismatched for each in tallies)),
        _none_of("requests that failed though nobody gave them up", sum(each.failures.total() for each in tallies)),
        _none_of("connections and requests left over", second.clients + second.upstreams + second.in_flight),
        _none_of("file descriptors left over", second.descriptors - first.descriptors),
        _none_of("tasks left over", tasks),
        Target("memory left over", ALLOCATOR_KEEPS, False, "MB", second.resident_mb - first.resident_mb),
        Target("peak memory", 256.0, False, "MB", found.peak_mb),
    ]


def _none_of(name: str, measured: int | None) -> Target:
    return Target(name, 0.0, False, "", measured)


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
