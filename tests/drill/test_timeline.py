"""The time line of a drill, from moments and answers."""

from __future__ import annotations

from dataclasses import replace

from mesh.drill.sightings import Fate
from mesh.drill.timeline import Moments, time_line
from tests.drill.seen import HURT_AT, OTHER, VICTIM, answer

NOTHING = Moments(HURT_AT, None, Fate(None, None, None), None, None, None, None)

KILLED = replace(
    NOTHING,
    out_at=HURT_AT + 0.003,
    fate=Fate(HURT_AT + 0.9, HURT_AT + 5.1, HURT_AT + 5.1),
    opened_at=HURT_AT + 5.0,
    answered_at=HURT_AT + 5.2,
)


def test_every_step_is_in_milliseconds_from_the_hurt() -> None:
    answers = [answer(-0.01, VICTIM), answer(0.002, attempts=2), answer(1.0), answer(5.2, VICTIM)]
    line = time_line(VICTIM, answers, KILLED).as_json()
    assert {step: at for step, at in line.items() if at is not None} == {
        "last_good_answer": -10.0,
        "first_failed_attempt": 2.0,
        "out_of_rotation": 3.0,
        "critical": 900.0,
        "gone": 5100.0,
        "port_opened": 5000.0,
        "registered": 5100.0,
        "first_answer": 5200.0,
    }


def test_what_was_not_reached_is_null() -> None:
    line = time_line(VICTIM, [answer(-1, VICTIM), answer(1, VICTIM)], NOTHING)
    assert set(line.as_json().values()) == {None}


def test_a_failed_answer_is_nobodys_last_good_one_and_the_first_failed_attempt() -> None:
    answers = [answer(-0.02, VICTIM), answer(0.01, VICTIM, error="broken"), answer(0.5, OTHER, attempts=3)]
    line = time_line(VICTIM, answers, KILLED)
    assert (line.last_good_answer, line.first_failed_attempt) == (-20.0, 10.0)


def test_trouble_from_before_the_hurt_has_nothing_to_do_with_it() -> None:
    assert time_line(VICTIM, [answer(-0.5, attempts=2)], KILLED).first_failed_attempt is None


def test_an_instance_that_is_new_had_no_last_good_answer() -> None:
    added = replace(NOTHING, answered_at=HURT_AT + 2.0)
    assert time_line("encrypt-4", [answer(2.0, "encrypt-4")], added).last_good_answer is None
