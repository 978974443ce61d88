"""How registries are started, and what they say of themselves."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx2
import pytest

from discovery.errors import RegistryError, RegistryGarbled, RegistryRefused, RegistryUnreachable
from discovery.ports import CANDIDATES, free_ports
from mesh.consul_agent import NoConsul
from mesh.registry import (
    command,
    consul_binary,
    describe,
    environment,
    wait_until_ready,
)
from tests.contract.asking import Asking
from tests.contract.checked import Checked
from tests.registries import DEADLINE, Registry, has_consul


def says_version(directory: Path, said: str) -> Path:
    """A `consul` that knows nothing but what it is."""
    binary = directory / "consul"
    binary.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
    binary.chmod(0o755)
    return binary


@pytest.fixture
def only_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory where `consul` is looked for before anywhere else but the shell's own."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_the_embedded_registry_is_this_python_and_its_environment() -> None:
    assert command("embedded", 1234) == [sys.executable, "-m", "discovery.devagent"]
    assert environment("embedded", 1234) == {"DEVAGENT_HOST": "127.0.0.1", "DEVAGENT_PORT": "1234"}


@pytest.mark.parametrize(
    ("said", "knows_grpc_tls"),
    [
        ("Consul v1.8.7\nProtocol 2 spoken by default", False),
        ("Consul v1.13.9", False),
        ("Consul v1.14.0", True),
        ("Consul v1.22.1+ent\nRevision abc", True),
        ("Consul v2.0.0-dev", True),
    ],
)
def test_consul_listens_on_loopback_and_on_no_port_that_nobody_needs(
    only_here: Path, said: str, knows_grpc_tls: bool
) -> None:
    binary = says_version(only_here, said)
    argv = command("consul", 1234)
    assert argv[:3] == [str(binary), "agent", "-dev"]
    assert {"-bind=127.0.0.1", "-client=127.0.0.1", "-http-port=1234"} <= set(argv)
    (ports,) = [each for each in argv if each.startswith("-hcl=ports")]
    assert "dns = -1" in ports
    assert "grpc = -1" in ports
    assert ("grpc_tls = -1" in ports) is knows_grpc_tls
    assert environment("consul", 1234) == {}


def test_consul_keeps_its_data_where_it_is_told(only_here: Path) -> None:
    says_version(only_here, "Consul v1.8.7")
    argv = command("consul", 1234, data_dir=only_here / "data")
    assert "-dev" not in argv
    assert {"-server", "-bootstrap-expect=1", "-ui", f"-data-dir={only_here / 'data'}"} <= set(argv)


def test_the_ports_of_consul_are_different_from_each_other_and_from_its_api(only_here: Path) -> None:
    says_version(only_here, "Consul v1.8.7")
    argv = command("consul", CANDIDATES.start)
    ports = {each.split("=")[1] for each in argv if each.split("=")[0].endswith("-port")}
    assert len(ports) == 4


def test_without_a_binary_there_is_no_consul(only_here: Path) -> None:
    assert not list(only_here.iterdir())
    if consul_binary() is not None:
        pytest.skip("consul is where the shell's own programs are")
    with pytest.raises(NoConsul, match="no consul binary on PATH"):
        command("consul", 1234)


@pytest.mark.parametrize("said", ["", "Vault v1.8.7"])
def test_what_does_not_say_its_version_is_no_consul(only_here: Path, said: str) -> None:
    says_version(only_here, said)
    with pytest.raises(NoConsul, match="does not say its version"):
        command("consul", 1234)


def test_what_cannot_be_run_is_no_consul(only_here: Path) -> None:
    says_version(only_here, "").write_text("#!/nowhere/at/all\n")
    with pytest.raises(NoConsul, match="does not say its version"):
        command("consul", 1234)


async def test_a_registry_is_ready_when_it_knows_a_leader(checked: Checked) -> None:
    checked.body = '""'
    waiting = asyncio.create_task(wait_until_ready(checked.address, seconds=DEADLINE))
    while len(checked.seen) < 3:
        await asyncio.sleep(0.01)
    assert not waiting.done()
    checked.status = "500 Internal Server Error"
    asked = len(checked.seen)
    while len(checked.seen) < asked + 3:
        await asyncio.sleep(0.01)
    assert not waiting.done()
    checked.status, checked.body = "200 OK", '"127.0.0.1:8300"'
    await waiting


@pytest.mark.parametrize("prefix", ["", "http://"])
async def test_an_address_may_be_a_url(checked: Checked, prefix: str) -> None:
    checked.body = '"127.0.0.1:8300"'
    await wait_until_ready(prefix + checked.address, seconds=DEADLINE)


async def test_a_registry_that_is_not_ready_says_what_was_seen(checked: Checked) -> None:
    checked.status = "503 Service Unavailable"
    with pytest.raises(RegistryUnreachable, match=r"not ready within 0\.3 s: no leader yet \(status 503\)"):
        await wait_until_ready(checked.address, seconds=0.3)


async def test_nor_is_one_that_is_silent(checked: Checked) -> None:
    checked.silent = True
    with pytest.raises(RegistryUnreachable, match=r"not ready within 0\.3 s"):
        await wait_until_ready(checked.address, seconds=0.3)


async def test_nor_one_that_is_not_there() -> None:
    (port,) = free_ports(1)
    with pytest.raises(RegistryUnreachable, match="ConnectError"):
        await wait_until_ready(f"127.0.0.1:{port}", seconds=0.3)


@pytest.mark.parametrize(
    ("status", "body", "description"),
    [
        ("200 OK", '{"Config": {"Version": "1.22.1"}}', "consul 1.22.1"),
        ("200 OK", '{"Config": {"Version": "1.8.7-devagent"}}', "embedded"),
        ("403 Forbidden", "Permission denied", "consul"),
    ],
)
async def test_a_registry_says_what_it_is(checked: Checked, status: str, body: str, description: str) -> None:
    checked.status, checked.body = status, body
    assert await describe(checked.address) == description


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        ("500 Internal Server Error", "", RegistryRefused),
        ("404 Not Found", "", RegistryRefused),
        ("200 OK", "<html>", RegistryGarbled),
        ("200 OK", "{}", RegistryGarbled),
        ("200 OK", "[]", RegistryGarbled),
        ("200 OK", '{"Config": {"Version": null}}', RegistryGarbled),
    ],
)
async def test_what_is_none_is_an_error(checked: Checked, status: str, body: str, error: type[RegistryError]) -> None:
    checked.status, checked.body = status, body
    with pytest.raises(error):
        await describe(checked.address)


@pytest.mark.skipif(not has_consul(), reason="no consul binary on PATH")
async def test_consul_with_a_data_directory_remembers(tmp_path: Path) -> None:
    """Also when its other ports are not those of the last time."""
    registry = Registry("consul", data_dir=tmp_path)
    async with httpx2.AsyncClient(base_url=registry.url, timeout=DEADLINE, trust_env=False, verify=False) as http:
        try:
            for expected in ([], ["a"]):
                await registry.start()
                assert list((await http.get("/v1/agent/services")).json()) == expected
                await Asking(http).register("a")
                await registry.stop()
        finally:
            registry.kill()
