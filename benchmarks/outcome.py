"""Everything that one run found, and the same as a document for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.comparison import DIRECT, Comparison
from benchmarks.machine import Machine
from benchmarks.sample import BUSY, Cell, Sample, added_ms, middle, ratio
from benchmarks.scale import Scale
from benchmarks.soak.run import Soak
from benchmarks.targets import ONE, OURS, Target

NOISY = 0.05
"""Share of the gateway's core in foreign hands from which on the numbers of a run cannot be trusted."""


@dataclass(slots=True)
class Outcome:
    """`versions` and `missing` by the name of the peer."""

    machine: Machine
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    comparison: Comparison = field(default_factory=Comparison)
    scale: Scale | None = None
    soak: Soak | None = None
    targets: list[Target] = field(default_factory=list)

    @property
    def foreign(self) -> float:
        """The largest share of a gateway's core that others had in any run."""
        through = (samples for (name, _), samples in self.comparison.samples.items() if name != DIRECT)
        return max((each.foreign for samples in through for each in samples), default=0.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One gateway in one cell. `times` and `added_ms` are None where there is nothing to compare with."""

    gateway: str
    cell: Cell
    sample: Sample
    times: float | None
    added_ms: float | None

    @property
    def is_held_up(self) -> bool:
        """Whether something else than the gateway was the limit, so that its rate is a lower bound."""
        return self.gateway != DIRECT and self.cell.connections > 1 and self.sample.busy < BUSY


def rows(comparison: Comparison) -> Iterator[Row]:
    """`times`: requests a second in those of ours."""
    for (name, cell), samples in comparison.samples.items():
        ours, direct = comparison.samples.get((OURS, cell)), comparison.samples.get((DIRECT, ONE))
        yield Row(
            gateway=name,
            cell=cell,
            sample=middle(samples),
            times=ratio(samples, ours, lambda each: each.requests_per_second) if ours else None,
            added_ms=added_ms(samples, direct) if direct and cell == ONE and name != DIRECT else None,
        )


def document(outcome: Outcome) -> dict[str, Any]:
    return {
        "machine": asdict(outcome.machine) | {"foreign_share_of_core": round(outcome.foreign, 3)},
        "versions": outcome.versions,
        "missing": outcome.missing,
        "gateways": [_row(row) for row in rows(outcome.comparison)],
        "peak_memory_bytes": outcome.comparison.memory,
        "scale": outcome.scale and asdict(outcome.scale),
        "soak": outcome.soak and asdict(outcome.soak),
        "targets": [asdict(each) | {"met": each.is_met} for each in outcome.targets],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "gateway": row.gateway,
        "work": row.cell.workload.name,
        "connections": row.cell.connections,
        **{name: round(value, 3) for name, value in asdict(row.sample).items()},
        "times_ours": row.times and round(row.times, 3),
        "added_ms": row.added_ms and round(row.added_ms, 4),
    }
