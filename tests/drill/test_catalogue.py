"""Which drills there are, and what each needs."""

from __future__ import annotations

import pytest

from mesh.choice import Choice
from mesh.drill.catalogue import DRILLS, chosen
from mesh.drill.series import why_not
from mesh.errors import BadInput

INSTANCES = ["kill", "term", "stop", "restart", "rolling", "sick", "slow", "flaky"]
REGISTRIES = ["consul-down", "consul-empty", "consul-restart"]
REST = ["all-down", "all-slow", "port-takeover", "scale"]

EMBEDDED, CONSUL, SOMEBODYS = (Choice("127.0.0.1:8500", own) for own in ("embedded", "consul", None))


def test_every_hurt_has_a_drill() -> None:
    assert [drill.name for drill in DRILLS] == [*INSTANCES, *REGISTRIES, *REST]


def test_all_is_all_and_so_is_nothing() -> None:
    assert chosen([]) == chosen(["all"]) == chosen(["kill", "all"]) == DRILLS


def test_a_drill_that_is_named_twice_is_held_once() -> None:
    assert [drill.name for drill in chosen(["scale", "kill", "scale"])] == ["scale", "kill"]


def test_a_name_that_is_none_is_said() -> None:
    with pytest.raises(BadInput, match="'earthquake' is no drill: there are kill, term"):
        chosen(["kill", "earthquake"])


@pytest.mark.parametrize(
    ("choice", "not_held"),
    [
        (CONSUL, set()),
        (EMBEDDED, {"consul-restart"}),
        (SOMEBODYS, set(REGISTRIES)),
    ],
)
def test_a_registry_is_hurt_only_if_it_is_ours_and_keeps_data_only_if_it_can(
    choice: Choice, not_held: set[str]
) -> None:
    assert {drill.name for drill in DRILLS if why_not(drill, choice)} == not_held
