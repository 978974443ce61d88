"""What people and programs get to see."""

from __future__ import annotations

import io
import json

from rich.console import Console

from benchmarks.comparison import DIRECT, Comparison
from benchmarks.machine import Machine
from benchmarks.outcome import Outcome, document
from benchmarks.sample import Cell
from benchmarks.scale import Scale
from benchmarks.soak.leftovers import Leftovers
from benchmarks.soak.run import Soak
from benchmarks.soak.tally import Tally
from benchmarks.tables import report
from benchmarks.targets import MANY, ONE, OURS, wire_targets
from benchmarks.workload import DOWNLOAD
from tests.benchmarks import numbers

QUIET = Leftovers(clients=0, upstreams=0, descriptors=20, resident_mb=70, in_flight=0, tasks=None)


def outcome() -> Outcome:
    samples = {
        (DIRECT, ONE): [numbers.sample(p50=0.1)],
        (OURS, ONE): [numbers.sample(p50=0.3)],
        (OURS, MANY): [numbers.sample(10_000)],
        ("nginx", MANY): [numbers.sample(40_000, busy=0.5)],
        (OURS, Cell(DOWNLOAD, 8)): [numbers.sample(300)],
    }
    found = Outcome(
        Machine("a processor", 2, 8, "a system", "3.11"), {OURS: "1.2.3", "nginx": "1.22"}, {"go-kit": "package x"}
    )
    found.comparison = Comparison(samples, {OURS: 70_000_000, "nginx": 7_000_000})
    found.scale = Scale(4.5, 90, 20, 3.25, 30)
    found.soak = Soak(QUIET, QUIET, QUIET, Tally(answered=12_345), 1.0)
    found.targets = wire_targets(samples)
    return found


def shown(found: Outcome) -> str:
    screen = Console(file=io.StringIO(), width=200)
    screen.print(report(found))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_people_see_every_section_and_what_is_missing() -> None:
    text = shown(outcome())
    for part in ("missing: package x", "≥40,000", "4.00", "MiB/s", "4.50 µs", "12,345", "not measured", "0.200"):
        assert part in text


def test_only_a_gateway_that_was_held_up_is_marked() -> None:
    found = outcome()
    found.comparison.samples["nginx", MANY] = [numbers.sample(40_000, busy=0.95)]
    assert "40,000" in shown(found)
    assert "≥40,000" not in shown(found)


def test_programs_get_the_same_as_json() -> None:
    found = json.loads(json.dumps(document(outcome())))
    assert found["missing"] == {"go-kit": "package x"}
    nginx = next(row for row in found["gateways"] if row["gateway"] == "nginx")
    assert (nginx["connections"], nginx["times_ours"]) == (32, 4.0)
    assert found["targets"][0]["met"] is None
    assert found["soak"]["storms"]["answered"] == 12_345
