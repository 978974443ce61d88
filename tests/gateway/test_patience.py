"""When a client has kept us waiting for too long."""

from __future__ import annotations

from services.gateway.patience import HEAD, STALL, Patience


def test_whoever_connects_has_time_for_a_head() -> None:
    assert Patience(1000.0).deadline == 1000.0 + HEAD


def test_with_nothing_to_read_nothing_is_left_unread() -> None:
    patience = Patience(1000.0)
    assert not any(patience.reads_nothing(0, 1000.0 + hour * 3600) for hour in range(10))


def test_one_that_takes_nothing_for_too_long_reads_nothing() -> None:
    patience = Patience(1000.0)
    assert not patience.reads_nothing(0, 2000.0)
    assert not patience.reads_nothing(5000, 2000.0 + STALL)
    assert patience.reads_nothing(5000, 2000.0 + STALL + 1)


def test_what_is_added_is_no_reading() -> None:
    patience = Patience(1000.0)
    looks = [patience.reads_nothing(5000 + second, 1000.0 + second) for second in range(70)]
    assert looks.index(True) == STALL + 1


def test_a_byte_less_is_reading() -> None:
    patience = Patience(1000.0)
    assert not any(patience.reads_nothing(5000 - minute, 1000.0 + minute * STALL) for minute in range(100))


def test_as_much_as_before_is_reading_when_some_was_taken_between() -> None:
    patience = Patience(1000.0)
    for minute in range(100):
        assert not patience.reads_nothing(5000, 1000.0 + minute * STALL)
        patience.reads()
