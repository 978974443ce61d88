"""What became of an entry, from what the registry said."""

from __future__ import annotations

from mesh.drill.sightings import Fate, fate
from tests.drill.seen import HURT_AT, OTHER, VICTIM, entry, sighting

BEFORE = sighting(-5, entry(VICTIM), entry(OTHER))


def test_one_that_is_killed_becomes_critical_and_is_then_replaced_by_its_next_process() -> None:
    said = [
        BEFORE,
        sighting(0.9, entry(VICTIM, health="critical"), entry(OTHER)),
        sighting(5.0, entry(VICTIM, boot="0b"), entry(OTHER)),
        sighting(6.0, entry(VICTIM, boot="0b", health="critical"), entry(OTHER)),
    ]
    assert fate(said, VICTIM, HURT_AT) == Fate(HURT_AT + 0.9, HURT_AT + 5.0, HURT_AT + 5.0)


def test_one_that_deregisters_is_gone_and_never_critical() -> None:
    said = [BEFORE, sighting(0.1, entry(OTHER)), sighting(5.0, entry(VICTIM, boot="0b"), entry(OTHER))]
    assert fate(said, VICTIM, HURT_AT) == Fate(None, HURT_AT + 0.1, HURT_AT + 5.0)


def test_one_that_an_empty_registry_forgot_comes_back_as_the_same_process() -> None:
    said = [BEFORE, sighting(1.0), sighting(1.2, entry(VICTIM))]
    assert fate(said, VICTIM, HURT_AT) == Fate(None, HURT_AT + 1.0, HURT_AT + 1.2)


def test_one_of_which_the_registry_has_nothing_new_to_say_has_no_fate() -> None:
    said = [BEFORE, sighting(1.0, entry(VICTIM))]
    assert fate(said, VICTIM, HURT_AT) == Fate(None, None, None)


def test_one_that_was_not_there_yet_is_registered_when_it_comes() -> None:
    said = [BEFORE, sighting(2.0, entry(OTHER)), sighting(3.0, entry("encrypt-4"))]
    assert fate(said, "encrypt-4", HURT_AT) == Fate(None, None, HURT_AT + 3.0)


def test_what_was_before_the_hurt_does_not_count() -> None:
    said = [sighting(-9, entry(VICTIM, boot="09", health="critical")), sighting(-8), BEFORE]
    assert fate(said, VICTIM, HURT_AT) == Fate(None, None, None)
