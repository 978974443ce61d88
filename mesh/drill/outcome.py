"""What came of a drill, in numbers, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mesh.drill.drill import Limits
from mesh.drill.growth import Growth
from mesh.drill.timeline import TimeLine
from mesh.report import Report


@dataclass(frozen=True, slots=True)
class Outcome:
    """`whole` is all of the run, `calm` what ended in a stretch before the hurt, `hurt` all that ended from then on.

    times: how often in a row it was hurt; victim and timeline are those of the last time

    failed: requests that failed and should not have; excused: those that had to, as nobody was there
    load: requests that reached the instances for each that a client sent; None where nobody counted
    rediscovered_ms, returned_ms, registered_ms: as in Limits
    wrongs: what the drill itself found wrong
    """

    drill: str
    times: int
    victim: str
    whole: Report
    calm: Report
    hurt: Report
    excused: int
    timeline: TimeLine
    rediscovered_ms: float | None
    returned_ms: float | None
    registered_ms: float | None
    load: float | None
    growth: Growth
    wrongs: tuple[str, ...]

    @property
    def failed(self) -> int:
        return self.whole.failed - self.excused

    def as_json(self) -> dict[str, Any]:
        return {
            "drill": self.drill,
            "times": self.times,
            "victim": self.victim,
            "requests": self.whole.requests,
            "failed": self.failed,
            "excused": self.excused,
            "failures": self.whole.failures,
            "retried": self.whole.retried,
            "answered": self.whole.answered,
            "late_ms": self.whole.late_ms,
            **_latencies(self.hurt),
            "calm": {"requests": self.calm.requests, "failed": self.calm.failed, **_latencies(self.calm)},
            "timeline": self.timeline.as_json(),
            "rediscovered_ms": self.rediscovered_ms,
            "returned_ms": self.returned_ms,
            "registered_ms": self.registered_ms,
            "load": self.load,
            "leaked": self.growth.as_json(),
        }


def _latencies(report: Report) -> dict[str, float | None]:
    return {"p50_ms": report.p50_ms, "p99_ms": report.p99_ms, "worst_ms": report.worst_ms}


def wrong(outcome: Outcome, limits: Limits) -> list[str]:
    """What must never be, on whatever machine: in words, none if all is well."""
    found = list(outcome.wrongs)
    if outcome.failed:
        kinds = ", ".join(f"{times} x {kind}" for kind, times in outcome.whole.failures.items())
        found.append(f"{outcome.failed} requests failed ({kinds})")
    if limits.load is not None and outcome.load is not None and outcome.load > limits.load:
        found.append(f"{outcome.load:.2f} times the load reached the instances, more than {limits.load:g}")
    return [*found, *outcome.growth.faults()]


def too_slow(outcome: Outcome, limits: Limits) -> list[str]:
    """What takes longer than it may on a quiet machine: in words, none if nothing does."""
    said: Iterable[tuple[str, float | None, float | None]] = (
        ("the 99th percentile is", outcome.hurt.p99_ms, limits.p99_ms),
        ("the worst answer took", outcome.hurt.worst_ms, limits.worst_ms),
        ("from an open port to its first answer it took", outcome.rediscovered_ms, limits.rediscovered_ms),
        ("from being let go, or healed, to its first answer it took", outcome.returned_ms, limits.returned_ms),
        ("from its first answer to knowing all it took the registry", outcome.registered_ms, limits.registered_ms),
    )
    return [
        f"{what} {measured:.0f} ms, more than {limit:g}"
        for what, measured, limit in said
        if measured is not None and limit is not None and measured > limit
    ]
