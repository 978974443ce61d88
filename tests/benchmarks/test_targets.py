"""What is called met, missed, or not measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.comparison import DIRECT
from benchmarks.sample import Cell, Sample
from benchmarks.scale import Scale
from benchmarks.soak.leftovers import Leftovers
from benchmarks.soak.run import Soak
from benchmarks.soak.tally import Tally
from benchmarks.targets import MANY, ONE, OURS, scale_targets, soak_targets, wire_targets
from tests.benchmarks import numbers

GOOD: dict[tuple[str, Cell], list[Sample]] = {
    (OURS, MANY): [numbers.sample(10_000, p99=4)],
    ("go-kit", MANY): [numbers.sample(9_000, p99=5)],
    ("haproxy", MANY): [numbers.sample(20_000)],
    ("fastapi", MANY): [numbers.sample(900)],
    (DIRECT, ONE): [numbers.sample(p50=0.1)],
    (OURS, ONE): [numbers.sample(p50=0.3)],
    ("nginx", ONE): [numbers.sample(p50=0.25)],
}
QUIET = Leftovers(clients=0, upstreams=0, descriptors=20, resident_mb=70, in_flight=0, tasks=5)
SOAK = Soak(idle=QUIET, first=QUIET, second=QUIET, storms=Tally(answered=9), seconds=1, peak_mb=100)


def verdicts(samples: dict[tuple[str, Cell], list[Sample]]) -> list[bool | None]:
    return [each.is_met for each in wire_targets(samples)]


def test_all_targets_can_be_met() -> None:
    assert verdicts(GOOD) == [True] * 5
    assert all(each.is_met for each in scale_targets(Scale(4.9, 90, 20, 4.9, 30)))
    assert all(each.is_met for each in soak_targets(SOAK))


@pytest.mark.parametrize(
    ("gateway", "worse", "missed"),
    [
        (("go-kit", MANY), numbers.sample(10_001, p99=5), 0),
        (("haproxy", MANY), numbers.sample(29_000), 1),
        (("fastapi", MANY), numbers.sample(1_001), 2),
        (("go-kit", MANY), numbers.sample(9_000, p99=3.9), 3),
        ((OURS, ONE), numbers.sample(p50=0.41), 4),
    ],
)
def test_each_target_can_be_missed_by_itself(gateway: tuple[str, Cell], worse: Sample, missed: int) -> None:
    found = verdicts(GOOD | {gateway: [worse]})
    assert [number for number, met in enumerate(found) if not met] == [missed]


@pytest.mark.parametrize(("peer", "unknown"), [("go-kit", [0, 3]), ("haproxy", [1]), ("nginx", [4]), (DIRECT, [4])])
def test_without_a_peer_its_targets_are_not_measured(peer: str, unknown: list[int]) -> None:
    found = verdicts({key: samples for key, samples in GOOD.items() if key[0] != peer})
    assert [number for number, met in enumerate(found) if met is None] == unknown


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (replace(SOAK, storms=Tally(mismatched=1)), 0),
        (replace(SOAK, uploads=Tally(failures=Counter({"status 502": 1}))), 1),
        (replace(SOAK, second=replace(QUIET, upstreams=1)), 2),
        (replace(SOAK, second=replace(QUIET, descriptors=21)), 3),
        (replace(SOAK, second=replace(QUIET, tasks=6)), 4),
        (replace(SOAK, second=replace(QUIET, resident_mb=75)), 5),
        (replace(SOAK, peak_mb=257), 6),
    ],
)
def test_whatever_a_soak_leaves_over_is_a_target_missed(found: Soak, missed: int) -> None:
    assert [number for number, target in enumerate(soak_targets(found)) if not target.is_met] == [missed]
