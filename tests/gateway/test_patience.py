"""When somebody has kept us waiting for too long."""

from __future__ import annotations

from services.gateway.patience import GRACE, PACE, STALL, Pace, Uptake


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


def test_who_sends_a_byte_now_and_then_is_too_slow_in_the_end() -> None:
    pace = Pace(1000.0)
    looks = [pace.is_too_slow(1, second, 1000.0 + second, waits=True) for second in range(60)]
    assert GRACE <= looks.index(True) <= GRACE + 2


def test_who_sends_steadily_is_not() -> None:
    pace = Pace(1000.0)
    assert not any(pace.is_too_slow(1, int(second * PACE) + 1, 1000.0 + second, waits=True) for second in range(10_000))


def test_what_came_fast_buys_no_more_than_the_grace() -> None:
    pace = Pace(1000.0)
    looks = [pace.is_too_slow(1, 10_000_000, 1000.0 + second, waits=True) for second in range(60)]
    assert GRACE <= looks.index(True) <= GRACE + 2


def test_time_in_which_nobody_waits_for_more_does_not_count() -> None:
    pace = Pace(1000.0)
    assert not any(pace.is_too_slow(1, 70_000, 1000.0 + second, waits=False) for second in range(1000))


def test_time_in_which_nobody_looked_is_not_the_clients() -> None:
    pace = Pace(1000.0)
    assert not pace.is_too_slow(1, 10, 1000.0, waits=True)
    assert not pace.is_too_slow(1, 10, 1000.0 + 10 * GRACE, waits=True)


def test_each_body_has_its_own_time() -> None:
    """Also when each look finds as much of one as of the last."""
    pace = Pace(1000.0)
    assert not any(pace.is_too_slow(second, 300, 1000.0 + second, waits=True) for second in range(100))
