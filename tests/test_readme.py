"""The README says only what is there: its programs run, and its commands, targets, settings, rooms and links exist."""

from __future__ import annotations

import ast
import re

import pytest

from discovery.devagent.settings import DevagentSettings
from discovery.settings import CallSettings, ConsulSettings, ServiceSettings, names
from discovery.tracing.settings import TracingSettings
from mesh.cli import COMMANDS
from mesh.drill.catalogue import DRILLS
from services.encrypt.settings import EncryptSettings
from services.gateway.settings import GatewaySettings
from tests.readme import README, ROOT, programs

SETTINGS = names(
    [ServiceSettings, CallSettings, ConsulSettings, GatewaySettings, EncryptSettings, DevagentSettings, TracingSettings]
)

TEXT = README.read_text()

CODE = re.findall(r"`([^`\n]+)`", TEXT)
"""What stands in the text as code."""

TYPED = re.findall(r"^\$ (.+)$", TEXT, re.MULTILINE)
"""What is typed in the examples."""


def test_there_is_something_to_check() -> None:
    assert len(CODE) > 50
    assert len(TYPED) > 5
    assert len(programs()) == 2


@pytest.mark.parametrize("program", programs())
def test_an_example_is_a_program(program: str) -> None:
    ast.parse(program)


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([.\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found for said in (*CODE, *TYPED) for found in re.findall(r"\bmake ([.\w-]+)", said)}
    assert {"demo", "up", "test", "check", "bench"} <= named <= targets


def test_every_mesh_command_exists() -> None:
    known = {command.__name__ for command in COMMANDS}
    named = {found for said in (*CODE, *TYPED) for found in re.findall(r"\bmesh (\w+)", said)}
    assert named <= known
    assert {"up", "call", "ps", "kill", "restart", "drill"} <= named


def test_every_drill_is_named() -> None:
    section = TEXT.partition("## Hurt it on purpose")[2].partition("\n## ")[0]
    assert {drill.name for drill in DRILLS} <= set(re.findall(r"`([a-z-]+)`", section))


def test_the_table_of_settings_is_all_of_them_and_nothing_else() -> None:
    section = TEXT.partition("## Settings")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", section)) == SETTINGS


def test_a_variable_that_is_named_anywhere_exists() -> None:
    ours = {
        found
        for said in (*CODE, *TYPED)
        for found in re.findall(r"\b(?:SERVICE|CALL|CONSUL|GATEWAY|ENCRYPT|DEVAGENT|OTEL)_[A-Z_]+", said)
    }
    assert ours <= SETTINGS


def test_every_room_exists() -> None:
    rooms = set(re.findall(r"\b(?:discovery|services|mesh|tests|benchmarks|docs)/[\w/.-]*\w/?", TEXT))
    assert [room for room in sorted(rooms) if not (ROOT / room).exists()] == []


def test_relative_links_lead_somewhere() -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    running = project.partition("[project.optional-dependencies]")
    said = running[0].partition("dependencies = [")[2] + running[2].partition("dev = [")[0]
    needed = set(re.findall(r'"([a-z0-9-]+)>=', said))
    section = TEXT.partition("## Dependencies")[2].partition("\n## ")[0]
    explained = {
        name for row in re.findall(r"^\| ([a-z0-9, -]+) \|", section, re.MULTILINE) for name in row.split(", ")
    }
    assert needed == explained - {"package"}
