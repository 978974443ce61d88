"""Background work waits longer after each failure, never at the same moment as others, never for too long."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from discovery.backoff import full_jitter


@given(st.integers(), st.integers(0, 10**9), st.floats(0.1, 60.0))
def test_it_stays_between_its_bounds_for_ever(seed: int, attempt: int, longest: float) -> None:
    assert 0.05 <= full_jitter(Random(seed), attempt, longest=longest) <= longest


def test_the_ceiling_doubles_up_to_the_longest() -> None:
    random = Random(7)
    highest = [max(full_jitter(random, attempt) for _ in range(500)) for attempt in range(6)]
    assert [round(each, 1) for each in highest] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_crowd_is_spread() -> None:
    assert len({round(full_jitter(Random(seed), 9), 2) for seed in range(100)}) > 50
