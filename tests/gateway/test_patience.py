"""When somebody has kept us waiting for too long."""

from __future__ import annotations

from services.gateway.patience import STALL, Uptake


def test_with_nothing_to_take_nobody_is_stuck() -> None:
    uptake = Uptake(1000.0)
    assert not any(uptake.is_stuck(0, 1000.0 + hour * 3600) for hour in range(10))


def test_whoever_takes_nothing_for_too_long_is_stuck() -> None:
    uptake = Uptake(1000.0)
    assert not uptake.is_stuck(0, 2000.0)
    assert not uptake.is_stuck(5000, 2000.0 + STALL)
    assert uptake.is_stuck(5000, 2000.0 + STALL + 1)


def test_what_is_added_says_nothing_of_what_is_taken() -> None:
    uptake = Uptake(1000.0)
    looks = [uptake.is_stuck(5000 + second, 1000.0 + second) for second in range(70)]
    assert looks.index(True) == STALL + 1


def test_a_byte_less_is_enough() -> None:
    uptake = Uptake(1000.0)
    assert not any(uptake.is_stuck(5000 - minute, 1000.0 + minute * STALL) for minute in range(100))


def test_so_is_as_much_as_before_when_some_was_taken_between() -> None:
    uptake = Uptake(1000.0)
    for minute in range(100):
        assert not uptake.is_stuck(5000, 1000.0 + minute * STALL)
        uptake.moves()
