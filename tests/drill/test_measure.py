"""Which moments and which failures count."""

from __future__ import annotations

import pytest

from mesh.drill.measure import first_of, is_excused, longest, lost, out_of_rotation
from mesh.drill.scene import Return
from tests.drill.seen import BEGAN, HURT_AT, OTHER, VICTIM, answer, happened

CLOCKS = BEGAN.timestamp() - HURT_AT

EXCUSED = frozenset({"status 503"})


def test_out_of_rotation_is_the_first_of_the_events_that_put_the_victim_out() -> None:
    events = [  # newest first, as a gateway tells them
        happened(5.0, "instance_dropped"),
        happened(0.9, "instance_health_changed", health="critical"),
        happened(0.02, "instance_ejected"),
        happened(0.01, "instance_ejected", OTHER),
        happened(0.005, "instance_listed"),
        happened(-1.0, "instance_ejected"),
    ]
    assert out_of_rotation(events, VICTIM, HURT_AT, clocks=CLOCKS) == pytest.approx(HURT_AT + 0.02)
    assert out_of_rotation(events[3:], VICTIM, HURT_AT, clocks=CLOCKS) is None


def test_an_event_of_the_same_millisecond_is_not_before_the_hurt() -> None:
    events = [happened(-0.0009, "instance_ejected")]
    assert out_of_rotation(events, VICTIM, HURT_AT, clocks=CLOCKS) == HURT_AT


@pytest.mark.parametrize(
    ("at", "took", "error", "excused"),
    [
        (0.5, 0.01, "status 503", True),
        (0.5, 0.7, "status 503", True),  # it was on its way when all went down
        (2.1, 0.2, "status 503", True),  # it was due before anybody was back
        (2.1, 0.05, "status 503", False),
        (-0.1, 0.05, "status 503", False),
        (0.5, 0.01, "hang", False),
        (0.5, 0.01, "status 502", False),
        (0.5, 0.01, None, False),
    ],
)
def test_a_failure_is_excused_between_the_hurt_and_the_first_who_is_back(
    at: float, took: float, error: str | None, excused: bool
) -> None:
    assert is_excused(answer(at, took=took, error=error), EXCUSED, HURT_AT, HURT_AT + 2.0) is excused


def test_where_nobody_came_back_every_such_failure_is_excused_but_the_loss_is_told() -> None:
    assert is_excused(answer(9, error="status 503"), EXCUSED, HURT_AT, None)
    assert lost([Return(VICTIM, 5.0, None), Return(OTHER, 5.0, 6.0)]) == [
        "encrypt-3 came back, and no client had an answer from it"
    ]


def test_of_several_who_come_back_the_first_port_and_the_first_answer_count() -> None:
    returns = [Return("a", 5.0, 5.9), Return("b", 5.2, 5.4), Return("c", 5.3, None)]
    assert first_of(returns) == Return("", 5.0, 5.4)
    assert first_of([Return("a", None, 5.9, 5.1), Return("b", None, 5.4, 5.1)]) == Return("", None, 5.4, 5.1)
    assert first_of([]) == Return("", None, None)


def test_of_several_who_come_back_one_after_the_other_the_slowest_counts() -> None:
    assert longest([(5.0, 5.1), (6.0, 6.3), (None, 9.0), (5.0, None)]) == 300.0
    assert longest([(None, 9.0)]) is None
    assert longest([(5.1, 5.0)]) == 0.0, "a client was quicker than whoever looked"
