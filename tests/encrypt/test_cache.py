"""A cache that forgets: in time, and before it grows."""

from __future__ import annotations

from services.encrypt.cache import ExpiringCache

from .doubles import Clock


def cache(clock: Clock, capacity: int = 3) -> ExpiringCache[str, int]:
    return ExpiringCache(capacity=capacity, lifetime=10.0, clock=clock)


def test_what_is_added_is_there_until_its_time_is_up() -> None:
    clock = Clock()
    kept = cache(clock)
    kept.add("a", 1)
    clock.now += 9.999
    assert kept.get("a") == 1
    clock.now += 0.001
    assert kept.get("a") is None
    assert len(kept) == 0


def test_use_does_not_prolong_a_life() -> None:
    clock = Clock()
    kept = cache(clock)
    kept.add("a", 1)
    for _ in range(5):
        clock.now += 2.0
        kept.get("a")
        kept.add("a", 2)
    assert kept.get("a") == 2  # the one that was added when the first had expired
    clock.now += 9.0
    assert kept.get("a") == 2


def test_the_least_recently_used_goes_first() -> None:
    kept = cache(Clock())
    for number, name in enumerate("abc"):
        kept.add(name, number)
    kept.get("a")
    kept.add("d", 3)
    assert [kept.get(name) for name in "abcd"] == [0, None, 2, 3]


def test_a_sweep_forgets_what_nobody_asks_for() -> None:
    clock = Clock()
    kept = cache(clock)
    kept.add("old", 1)
    clock.now += 6.0
    kept.add("new", 2)
    kept.get("old")  # the most recently used is not the youngest
    clock.now += 5.0
    kept.sweep()
    assert len(kept) == 1
    assert kept.get("new") == 2


def test_what_is_dropped_is_gone() -> None:
    kept = cache(Clock())
    kept.add("a", 1)
    kept.drop("a")
    kept.drop("never there")
    assert kept.get("a") is None
