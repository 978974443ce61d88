"""The live state of one instance: how good a choice it is, how busy, and why."""

from __future__ import annotations

from random import Random

import pytest

from discovery.ejection import IN_A_ROW, Cause
from discovery.instance import Health
from discovery.latency import WARM_UP
from discovery.upstream import Standing, Upstream
from tests.fakes.instances import instance

NOW = 1000.0
LATER = NOW + 100.0


def upstream(*, health: Health = "passing", weight: int = 1, limit: int = 256) -> Upstream:
    return Upstream(instance(health=health, weight=weight), Random(7), limit=limit)


def warm(found: Upstream, seconds: float) -> Upstream:
    for _ in range(WARM_UP):
        found.latency.observe(seconds, NOW)
    return found


def test_a_listed_and_passing_one_is_admitted() -> None:
    assert upstream().standing(NOW) is Standing.ADMITTED
    assert upstream().why(NOW) == "admitted"


@pytest.mark.parametrize(
    ("health", "weight", "why"), [("critical", 1, "critical in the registry"), ("passing", 0, "draining")]
)
def test_one_that_the_registry_does_not_want_used_is_doubted(health: Health, weight: int, why: str) -> None:
    found = upstream(health=health, weight=weight)
    assert found.standing(NOW) is Standing.DOUBTED
    assert found.why(NOW).startswith(why)


def test_one_with_a_warning_is_used() -> None:
    assert upstream(health="warning").standing(NOW) is Standing.ADMITTED


def test_one_that_the_registry_lost_is_doubted() -> None:
    found = upstream()
    found.is_listed = False
    assert found.standing(NOW) is Standing.DOUBTED
    assert "lost it" in found.why(NOW)


@pytest.mark.parametrize(
    ("cause", "standing"),
    [
        (Cause.REFUSED, Standing.REFUSING),
        (Cause.STRANGER, Standing.BARRED),
        (Cause.UNPROVEN, Standing.BARRED),
    ],
)
def test_one_that_is_not_there(cause: Cause, standing: Standing) -> None:
    found = upstream()
    found.ejection.refused(cause)
    assert found.standing(LATER) is standing
    assert found.why(LATER) == cause.value


def test_one_that_fails_is_ejected_until_its_trial() -> None:
    found = upstream()
    for _ in range(IN_A_ROW):
        found.ejection.failed(NOW)
    assert found.standing(NOW) is Standing.EJECTED
    assert found.standing(LATER) is Standing.ADMITTED
    assert found.begin(LATER)
    assert found.standing(LATER) is Standing.EJECTED
    assert found.why(LATER) == "on trial"


def test_one_at_its_limit_is_barred() -> None:
    found = upstream(limit=2)
    found.begin(NOW)
    assert found.standing(NOW) is Standing.ADMITTED
    found.begin(NOW)
    assert found.standing(NOW) is Standing.BARRED
    assert "limit" in found.why(NOW)
    found.end()
    assert found.standing(NOW) is Standing.ADMITTED


def test_a_request_to_an_admitted_one_is_no_trial() -> None:
    found = upstream()
    assert not found.begin(NOW)
    assert found.in_flight == 1


def test_one_that_is_new_is_soon_tried_but_not_by_a_crowd() -> None:
    new, known = upstream(), warm(upstream(), 0.01)
    assert new.load(NOW) < known.load(NOW)
    new.begin(NOW)
    assert new.load(NOW) > known.load(NOW)


def test_the_slower_and_the_busier_are_the_more_loaded() -> None:
    fast, slow = warm(upstream(), 0.01), warm(upstream(), 0.1)
    assert fast.load(NOW) < slow.load(NOW)
    for _ in range(20):
        fast.begin(NOW)
    assert fast.load(NOW) > slow.load(NOW)
