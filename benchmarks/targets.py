"""What the gateway is held to, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.comparison import DIRECT
from benchmarks.sample import Cell, Sample, Samples, added_ms, ratio
from benchmarks.workload import SMALL_GET

OURS = "ours"
MANY, ONE = Cell(SMALL_GET, 32), Cell(SMALL_GET, 1)


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
