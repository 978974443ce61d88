"""What compose.yaml promises, as far as one can see without Docker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from discovery.server import WITHDRAWAL
from discovery.settings import ConsulSettings, ServiceSettings, names
from discovery.tracing.settings import TracingSettings
from services.encrypt.settings import EncryptSettings
from services.gateway.settings import GatewaySettings
from tests.deploy.project import ROOT, SERVICES, document

STACK = document(ROOT / "compose.yaml")
PARTS: dict[str, Any] = STACK["services"]
OURS = [(name, PARTS[name]) for name in SERVICES]
AGENTS = ("consul", "server-1", "server-2", "server-3", "agent")
SETTINGS = names([ServiceSettings, ConsulSettings, GatewaySettings, EncryptSettings, TracingSettings])


def mounts(name: str) -> dict[str, str]:
    """Where a service has what: a volume or a path, by its place in the container."""
    return {each.split(":")[1]: each for each in PARTS[name].get("volumes", ())}


def who_has(volume: str) -> set[str]:
    return {name for name in PARTS if any(each.startswith(f"{volume}:") for each in mounts(name).values())}


def test_it_is_what_the_specification_says() -> None:
    checked = subprocess.run(
        [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_a_host_is_open_on_loopback_only() -> None:
    published = [port for part in PARTS.values() for port in part.get("ports", ())]
    assert published
    assert [each for each in published if not each.startswith("127.0.0.1:")] == []


def test_images_are_pinned() -> None:
    for name, part in PARTS.items():
        if "build" not in part:
            assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", part["image"]), name


@pytest.mark.parametrize(("name", "part"), OURS, ids=SERVICES)
def test_a_service_may_do_nothing_that_it_need_not(name: str, part: Any) -> None:  # noqa: ARG001 (an ID)
    assert part["read_only"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert part["restart"] == "unless-stopped"


@pytest.mark.parametrize(("name", "part"), OURS, ids=SERVICES)
def test_nobody_is_killed_who_is_still_leaving(name: str, part: Any) -> None:  # noqa: ARG001 (an ID)
    usual = ServiceSettings.model_fields
    leaving = WITHDRAWAL + usual["linger"].default + usual["drain"].default
    assert float(part["stop_grace_period"].removesuffix("s")) >= leaving + 3


@pytest.mark.parametrize(("name", "part"), OURS, ids=SERVICES)
def test_variables_are_settings(name: str, part: Any) -> None:  # noqa: ARG001 (an ID)
    assert set(part["environment"]) <= SETTINGS


@pytest.mark.parametrize(("name", "part"), OURS, ids=SERVICES)
def test_what_is_in_an_image_is_watched(name: str, part: Any) -> None:
    watched = {each["path"] for each in part["develop"]["watch"]}
    assert watched == {f"services/{name}", "discovery", f"requirements/{name}.txt"}


def test_there_are_three_instances_unless_told_otherwise() -> None:
    assert PARTS["encrypt"]["deploy"] == {"replicas": 3}
    assert "container_name" not in PARTS["encrypt"]
    assert "ports" not in PARTS["encrypt"]


def test_secrets_are_for_those_who_need_them() -> None:
    for name in SERVICES:
        assert who_has(f"{name}-token") == {name, "prepare", "access"}
        assert mounts(name)["/run/consul"].endswith(":ro")
    assert who_has("management") == {"access"}
    assert who_has("gossip") == {"prepare", "server-1", "server-2", "server-3", "agent"}


def test_a_profile_is_one_registry() -> None:
    by_profile = {name: set(PARTS[name].get("profiles", ())) for name in PARTS}
    assert {name for name, said in by_profile.items() if said == {"single"}} == {"consul"}
    assert {name for name, said in by_profile.items() if said == {"cluster"}} == {*AGENTS[1:], "access"}
    assert by_profile["encrypt"] == by_profile["gateway"] == set()
    assert (ROOT / ".env").read_text().splitlines()[-1] == "COMPOSE_PROFILES=single"
    assert PARTS["agent"]["networks"]["default"]["aliases"] == ["consul"]


def test_agents_of_a_cluster_know_each_other() -> None:
    for name in AGENTS[1:]:
        assert f"-node={name}" in PARTS[name]["command"]
        assert "/consul/config/cluster.hcl" in mounts(name)
    joined = (ROOT / "deploy/consul/cluster.hcl").read_text()
    assert re.findall(r'"(server-\d)"', joined) == list(AGENTS[1:4])
    admitted = [each for each in PARTS["access"]["command"] if each.startswith("--agent=")]
    assert admitted == [f"--agent={name}=http://{name}:8500" for name in AGENTS[1:]]
