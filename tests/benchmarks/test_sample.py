"""How rounds become numbers."""

from __future__ import annotations

import pytest

from benchmarks.sample import added_ms, middle, ratio, sample
from benchmarks.wrk import Load
from tests.benchmarks import numbers


def test_the_middle_is_the_median_of_each_number_and_the_sum_of_failures() -> None:
    found = middle(
        [numbers.sample(10, p99=9, failed=1), numbers.sample(30, p99=5), numbers.sample(20, p99=7, failed=2)]
    )
    assert (found.requests_per_second, found.p99_ms, found.failed) == (20, 7, 3)


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_round_does_not_count() -> None:
    ours = [numbers.sample(100), numbers.sample(10), numbers.sample(100)]
    theirs = [numbers.sample(50), numbers.sample(5), numbers.sample(200)]
    assert ratio(ours, theirs, lambda each: each.requests_per_second) == 2


def test_a_ratio_to_nothing_is_large_but_a_number() -> None:
    assert ratio([numbers.sample(p99=1)], [numbers.sample(p99=0)], lambda each: each.p99_ms) > 1e6


def test_what_is_added_is_a_difference_within_a_round() -> None:
    through = [numbers.sample(p50=3), numbers.sample(p50=11), numbers.sample(p50=4)]
    direct = [numbers.sample(p50=1), numbers.sample(p50=9), numbers.sample(p50=1)]
    assert added_ms(through, direct) == 2


def test_processor_time_is_split_among_requests_and_between_the_gateway_and_others() -> None:
    load = Load(requests=1000, seconds=2, p50_ms=1, p99_ms=2, mean_ms=1, worst_ms=3, failed=0)
    found = sample(load, processor_seconds=0.5, core_seconds=0.9, seconds=2)
    assert found.requests_per_second == 500
    assert found.processor_us == pytest.approx(500)
    assert found.busy == pytest.approx(0.25)
    assert found.foreign == pytest.approx(0.2)
