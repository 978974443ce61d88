"""Two memories of how long things take."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.latency import WARM_UP, PeakEwma, SlowestPercent

NOW = 1000.0
SECONDS = st.floats(1e-5, 100.0)


def warm(seconds: float = 0.01) -> PeakEwma:
    found = PeakEwma()
    for _ in range(WARM_UP):
        found.observe(seconds, NOW)
    return found


def test_a_peak_counts_at_once() -> None:
    found = warm(0.01)
    found.observe(1.0, NOW)
    assert found.at(NOW) == 1.0


def test_a_peak_is_forgotten_over_its_decay() -> None:
    found = warm(0.01)
    found.observe(1.0, NOW)
    for tenth in range(1, 101):
        found.observe(0.01, NOW + tenth / 10)
    assert found.at(NOW + 10) == pytest.approx(0.01 + 0.99 / 2.718, rel=0.01)


def test_one_that_was_not_heard_from_becomes_attractive_again() -> None:
    found = warm(1.0)
    assert found.at(NOW) == 1.0
    assert found.at(NOW + 5) < 0.01


def test_one_that_lost_every_comparison_for_an_old_peak_has_a_clean_record_after_one_good_answer() -> None:
    found = warm(0.002)
    found.observe(0.3, NOW)
    assert found.at(NOW + 4.9) < 0.0025
    found.observe(0.002, NOW + 5)
    assert found.at(NOW + 5) == pytest.approx(0.004, rel=0.01)


def test_a_peak_is_not_forgotten_while_answers_come_often() -> None:
    found = warm(0.002)
    found.observe(0.3, NOW)
    for tenth in range(1, 11):
        found.observe(0.002, NOW + tenth / 10)
    assert found.at(NOW + 1) > 0.25


def test_the_first_answers_count_by_the_best_of_them() -> None:
    found = PeakEwma()
    warmth = []
    for seconds in (0.3, *[0.01] * (WARM_UP - 1)):
        warmth.append(found.is_warm)
        found.observe(seconds, NOW)
    assert warmth == [False] * WARM_UP
    assert found.is_warm
    assert found.at(NOW) == 0.01


@given(st.lists(st.tuples(SECONDS, st.floats(0, 30)), min_size=1, max_size=50))
def test_it_lies_between_the_fastest_and_the_slowest(observed: list[tuple[float, float]]) -> None:
    found, now = PeakEwma(), NOW
    for seconds, later in observed:
        now += later
        found.observe(seconds, now)
    fastest, slowest = (f(seconds for seconds, _ in observed) for f in (min, max))
    assert fastest * 0.999 <= found.at(now) <= slowest * 1.001


def test_nothing_observed_is_nothing_known() -> None:
    assert SlowestPercent().value() is None


@given(st.lists(SECONDS, min_size=1, max_size=400))
def test_the_slowest_percent_as_a_sorted_list_has_it(observed: list[float]) -> None:
    found = SlowestPercent()
    for seconds in observed:
        found.observe(seconds, NOW)
    exact = sorted(observed)[ceil(len(observed) * 0.99) - 1]
    value = found.value()
    assert value is not None
    assert exact <= value * 1.0001
    assert value <= exact * 1.1


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e-6, 134.0, 1e9])
def test_what_lies_beyond_the_buckets_is_counted_in_the_last(seconds: float) -> None:
    found = SlowestPercent()
    found.observe(seconds, NOW)
    value = found.value()
    assert value is not None
    assert 0 < value < 140


def test_what_was_slow_is_forgotten_after_twenty_seconds() -> None:
    found = SlowestPercent()
    for second in range(40):
        for _ in range(20):
            found.observe(1.0 if second < 10 else 0.01, NOW + second)
        if second == 15:
            assert (found.value() or 0) > 0.9
    assert (found.value() or 0) < 0.02


def test_what_was_slow_is_forgotten_after_a_long_silence() -> None:
    found = SlowestPercent()
    for _ in range(100):
        found.observe(1.0, NOW)
    for _ in range(100):
        found.observe(0.01, NOW + 1000)
    assert (found.value() or 0) < 0.02


def test_it_is_counted_anew_only_now_and_then() -> None:
    found = SlowestPercent()
    found.observe(0.01, NOW)
    before = found.value()
    for _ in range(99):
        found.observe(1.0, NOW)
    assert found.value() == before
    found.observe(1.0, NOW)
    assert found.value() != before
