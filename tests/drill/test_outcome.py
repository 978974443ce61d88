"""What makes a drill a failure, on any machine or only on a quiet one."""

from __future__ import annotations

import json

import pytest

from mesh.drill.drill import Limits
from mesh.drill.growth import Growth, Holdings
from mesh.drill.outcome import too_slow, wrong
from tests.drill.seen import answer, outcome


def test_nothing_is_wrong_with_one_that_went_well() -> None:
    assert wrong(outcome(), Limits(load=1.2)) == []
    assert too_slow(outcome(), Limits(worst_ms=250, p99_ms=100, rediscovered_ms=250, registered_ms=2000)) == []


def test_a_request_that_failed_is_wrong_unless_it_had_to_fail() -> None:
    failed = (answer(1), answer(2, error="status 503"), answer(3, error="hang"))
    assert wrong(outcome(*failed), Limits()) == ["2 requests failed (1 x status 503, 1 x hang)"]
    assert wrong(outcome(*failed, excused=2), Limits()) == []


def test_more_load_than_allowed_is_wrong() -> None:
    assert wrong(outcome(load=1.2), Limits(load=1.2)) == []
    assert wrong(outcome(load=1.21), Limits(load=1.2)) == ["1.21 times the load reached the instances, more than 1.2"]


def test_what_is_left_behind_is_wrong() -> None:
    growth = Growth(Holdings(tasks=9), Holdings(tasks=11))
    assert wrong(outcome(growth=growth), Limits()) == ["2 more tasks run than before"]


def test_what_the_drill_itself_found_is_wrong() -> None:
    assert wrong(outcome(wrongs=("encrypt-3 did not come back",)), Limits()) == ["encrypt-3 did not come back"]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(worst_ms=250), "the worst answer took 300 ms, more than 250"),
        (Limits(p99_ms=100), "the 99th percentile is 300 ms, more than 100"),
        (Limits(rediscovered_ms=250), "from an open port to its first answer it took 260 ms, more than 250"),
        (Limits(returned_ms=5000), "from being let go, or healed, to its first answer it took 5100 ms, more than 5000"),
        (
            Limits(registered_ms=2000),
            "from its first answer to knowing all it took the registry 2100 ms, more than 2000",
        ),
    ],
)
def test_times_have_limits(limits: Limits, said: str) -> None:
    slow = outcome(answer(1, took=0.3), rediscovered_ms=260.0, returned_ms=5100.0, registered_ms=2100.0)
    assert too_slow(slow, limits) == [said]
    assert too_slow(slow, Limits()) == []


def test_what_was_not_measured_is_not_too_slow() -> None:
    assert too_slow(outcome(rediscovered_ms=None), Limits(rediscovered_ms=1, registered_ms=1)) == []


def test_it_is_a_json_document_with_null_for_what_was_not_reached() -> None:
    document = json.loads(json.dumps(outcome().as_json()))
    assert (document["requests"], document["failed"], document["registered_ms"]) == (2, 0, None)
    assert document["timeline"]["first_answer"] == 1000.0
    assert document["timeline"]["critical"] is None
    assert document["times"] == 1
    assert set(document["leaked"].values()) == {0, None}
