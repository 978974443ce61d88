"""Drills with real processes, on both registries: they are held, measured and judged, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil
import pytest

from mesh.drill.acts import TOO_SLOW_MS
from tests.mesh.typed import Shell
from tests.registries import has_consul

OPTIONS = ("--json", "--seconds=2")

GROWS = ("tasks", "descriptors", "connections")


async def held(directory: Path, *arguments: str) -> list[dict[str, Any]]:
    """The drills, all of them passed, none with anything left behind."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    typed = await Shell(directory).type("drill", *arguments, *OPTIONS)
    assert typed.code == 0, typed.out + typed.err
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before
    assert list((directory / "mesh").iterdir()) == []
    drills: list[dict[str, Any]] = typed.document["drills"]
    for each in drills:
        assert (each["passed"], each["failed"], each["faults"]) == (True, 0, [])
        assert each["requests"] > each["calm"]["requests"] > 0
        assert {each["leaked"][what] for what in ("in_flight", "half_closed", *GROWS)} == {0}
    return drills


@pytest.mark.e2e
async def test_an_instance_is_killed_and_a_registry_forgets_and_every_step_is_measured(tmp_path: Path) -> None:
    kill, empty = await held(tmp_path, "kill", "consul-empty", "--consul=embedded")
    line = kill["timeline"]
    assert line["out_of_rotation"] >= 0
    assert line["critical"] <= line["gone"] <= line["registered"]
    assert line["port_opened"] <= line["first_answer"]
    assert kill["rediscovered_ms"] > 0
    assert empty["timeline"]["registry_answers"] <= empty["timeline"]["all_registered"]
    assert empty["registered_ms"] > 0


@pytest.mark.e2e
async def test_one_after_the_other_is_killed_in_one_mesh(tmp_path: Path) -> None:
    (kill,) = await held(tmp_path, "kill", "--times=3", "--consul=embedded")
    assert (kill["times"], kill["victim"]) == (3, "encrypt-1")
    assert kill["leaked"]["memory_mb"] is None, "three are too few to rehearse, and to compare memory"


@pytest.mark.e2e
async def test_all_become_too_slow_and_clients_are_told_in_time(tmp_path: Path) -> None:
    (drill,) = await held(tmp_path, "all-slow", "--consul=embedded")
    assert drill["excused"] > 0
    assert set(drill["failures"]) <= {"status 503", "status 504"}
    assert drill["worst_ms"] < TOO_SLOW_MS, "nobody waited for an instance"
    assert drill["returned_ms"] >= 0


@pytest.mark.e2e
@pytest.mark.skipif(not has_consul(), reason="no consul binary on PATH (MESH_REQUIRE_CONSUL=1 makes this a failure)")
async def test_a_real_consul_comes_back_with_its_data(tmp_path: Path) -> None:
    (drill,) = await held(tmp_path, "consul-restart", "--consul=binary")
    assert drill["registry"].startswith("consul ")
    assert drill["registered_ms"] >= 0


@pytest.mark.e2e
async def test_what_cannot_be_held_is_said_and_is_no_failure(tmp_path: Path) -> None:
    typed = await Shell(tmp_path).type("drill", "consul-restart", "--consul=embedded", *OPTIONS)
    assert typed.code == 0
    (drill,) = typed.document["drills"]
    assert drill["passed"] is None
    assert "keeps no data" in drill["not_held"]


async def test_a_drill_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    typed = await Shell(tmp_path).type("drill", "earthquake")
    assert (typed.code, typed.out) == (2, "")
    assert "'earthquake' is no drill" in typed.err
    assert "Traceback" not in typed.err
