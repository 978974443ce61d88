"""One run of one gateway in numbers, and what several runs come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from benchmarks.workload import Workload
from benchmarks.wrk import Load


@dataclass(frozen=True, slots=True)
class Cell:
    """What a number is about."""

    workload: Workload
    connections: int


@dataclass(frozen=True, slots=True)
class Sample:
    """`processor_us` is what one request cost the gateway; `busy` the share of its core that it used.

    A gateway that is less than busy was held up by the load or the upstream: its requests a second are a lower bound.
    `foreign` is the share of that core that other programs took.
    """

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    mean_ms: float
    worst_ms: float
    failed: int
    processor_us: float
    busy: float
    foreign: float


Samples: TypeAlias = Mapping[tuple[str, Cell], Sequence[Sample]]
"""By the name of the gateway; the samples are in the order of the rounds."""

BUSY = 0.9
"""From this share on, a core counts as the limit."""


def sample(load: Load, *, processor_seconds: float, core_seconds: float, seconds: float) -> Sample:
    """`processor_seconds` are the gateway's, `core_seconds` those of all on its core, over `seconds` of the clock."""
    return Sample(
        requests_per_second=load.requests / load.seconds,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        mean_ms=load.mean_ms,
        worst_ms=load.worst_ms,
        failed=load.failed,
        processor_us=processor_seconds / max(1, load.requests) * 1e6,
        busy=processor_seconds / seconds,
        foreign=max(0.0, core_seconds - processor_seconds) / seconds,
    )


def middle(samples: Sequence[Sample]) -> Sample:
    """The median of each number by itself; failures are added up."""
    return Sample(
        requests_per_second=median(each.requests_per_second for each in samples),
        p50_ms=median(each.p50_ms for each in samples),
        p99_ms=median(each.p99_ms for each in samples),
        mean_ms=median(each.mean_ms for each in samples),
        worst_ms=median(each.worst_ms for each in samples),
        failed=sum(each.failed for each in samples),
        processor_us=median(each.processor_us for each in samples),
        busy=median(each.busy for each in samples),
        foreign=median(each.foreign for each in samples),
    )


def ratio(ones: Sequence[Sample], others: Sequence[Sample], number: Callable[[Sample], float]) -> float:
    """The median over the rounds of one gateway's number in that of another: what slows a round slows both."""
    return median(number(one) / max(number(other), 1e-9) for one, other in zip(ones, others, strict=True))


def added_ms(through: Sequence[Sample], direct: Sequence[Sample]) -> float:
    """Milliseconds that a gateway adds to half of the requests at most: the median over the rounds."""
    return median(one.p50_ms - other.p50_ms for one, other in zip(through, direct, strict=True))
