"""The smallest rights that work, on a real Consul with access control."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx2
import pytest

from discovery.consul import Consul
from discovery.documents import Registration
from discovery.errors import RegistryRefused
from discovery.instance import Instance
from discovery.ports import free_ports
from discovery.registration import new_boot_id
from discovery.settings import ConsulSettings
from tests.deploy.project import ROOT, SERVICES
from tests.deploy.scripts import script
from tests.registries import DEADLINE, has_consul

pytestmark = pytest.mark.skipif(
    not has_consul(), reason="no consul binary on PATH (MESH_REQUIRE_CONSUL=1 makes this a failure)"
)


class Cluster:
    """One server, told what agents of the cluster are told."""

    def __init__(self, directory: Path) -> None:
        self.secrets = directory / "secrets"
        self.secrets.mkdir()
        http, *others = free_ports(4)
        self.address = f"127.0.0.1:{http}"
        self.url = f"http://{self.address}"
        prepared = script("consul/prepare.py", self.secrets, os.getuid(), *SERVICES)
        assert prepared.returncode == 0, prepared.stderr
        ports = zip(("-server-port", "-serf-lan-port", "-serf-wan-port"), others, strict=True)
        self._log = (directory / "log").open("wb")
        self._process = subprocess.Popen(
            [
                "consul", "agent", "-server", "-bootstrap-expect=1", "-node=server-1", "-bind=127.0.0.1",
                f"-data-dir={directory / 'data'}", f"-http-port={http}", *(f"{name}={port}" for name, port in ports),
                "-dns-port=-1", "-grpc-port=-1",
                *(f"-config-file={ROOT / 'deploy/consul' / name}" for name in ("agent.hcl", "cluster.hcl")),
                f"-config-file={self.secrets / 'gossip/gossip.json'}", "-client=127.0.0.1", "-hcl=retry_join = []",
            ],
            stdout=self._log, stderr=self._log,
        )  # fmt: skip

    def admit(self) -> None:
        done = script(
            "consul/access.py",
            f"--consul={self.url}",
            f"--secrets={self.secrets}",
            f"--policies={ROOT / 'deploy/consul/policies'}",
            f"--owner={os.getuid()}",
            f"--agent=server-1={self.url}",
            *(f"--service={each}" for each in SERVICES),
        )
        assert done.returncode == 0, done.stderr

    def as_(self, service: str) -> Consul:
        token = self.secrets / service / "token"
        return Consul(ConsulSettings(http_addr=self.address, http_token=None, http_token_file=token))

    def end(self) -> None:
        self._process.kill()
        self._process.wait(DEADLINE)
        self._log.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        started.admit()
        yield started
    finally:
        started.end()


def registration(service: str) -> Registration:
    meta = {"boot_id": new_boot_id(time.time(), Random(1))}
    return Registration(
        Instance(f"{service}-1", service, "127.0.0.1", 7000, ("urlprefix-/x",), meta), "http://127.0.0.1:1"
    )


@pytest.mark.parametrize("service", SERVICES)
async def test_a_token_is_enough_for_the_life_of_its_service(cluster: Cluster, service: str) -> None:
    async with cluster.as_(service) as consul:
        await consul.register(registration(service))
        entry = await consul.entry(f"{service}-1")
        assert entry is not None
        assert entry.instance.service == service
        await consul.deregister(f"{service}-1")
        assert await consul.entry(f"{service}-1") is None


async def test_the_gateway_finds_every_service(cluster: Cluster) -> None:
    async with cluster.as_("encrypt") as encrypt, cluster.as_("gateway") as gateway:
        await encrypt.register(registration("encrypt"))
        answer = await gateway.services()
        while "encrypt" not in answer.value:
            answer = await gateway.services(index=answer.index)
        assert [each.id for each in (await gateway.instances("encrypt")).value] == ["encrypt-1"]
        await encrypt.deregister("encrypt-1")


@pytest.mark.parametrize(("holder", "victim"), [("encrypt", "gateway"), ("gateway", "encrypt")])
async def test_a_token_of_another_service_is_refused(cluster: Cluster, holder: str, victim: str) -> None:
    async with cluster.as_(holder) as consul, cluster.as_(victim) as owner:
        with pytest.raises(RegistryRefused):
            await consul.register(registration(victim))
        await owner.register(registration(victim))
        with pytest.raises(RegistryRefused):
            await consul.deregister(f"{victim}-1")
        assert await owner.entry(f"{victim}-1") is not None
        await owner.deregister(f"{victim}-1")


async def test_an_instance_of_encrypt_learns_of_nobody_else(cluster: Cluster) -> None:
    async with cluster.as_("gateway") as gateway, cluster.as_("encrypt") as encrypt:
        await gateway.register(registration("gateway"))
        assert "gateway" not in (await encrypt.services()).value
        assert (await encrypt.instances("gateway")).value == ()
        with pytest.raises(RegistryRefused):
            await encrypt.entry("gateway-1")
        await gateway.deregister("gateway-1")


async def test_nobody_may_do_nothing(cluster: Cluster) -> None:
    async with Consul(ConsulSettings(http_addr=cluster.address, http_token=None, http_token_file=None)) as nobody:
        with pytest.raises(RegistryRefused):
            await nobody.register(registration("encrypt"))
        assert (await nobody.services()).value == {}


def test_what_is_right_already_is_left_alone(cluster: Cluster) -> None:
    before = tokens(cluster)
    assert all(before.values())
    cluster.admit()
    assert tokens(cluster) == before
    (cluster.secrets / "encrypt/token").unlink()
    cluster.admit()
    assert tokens(cluster)["encrypt"] not in ("", before["encrypt"])


def tokens(cluster: Cluster) -> dict[str, str]:
    return {each: (cluster.secrets / each / "token").read_text() for each in (*SERVICES, "management")}


def test_secrets_are_for_their_owner_only(cluster: Cluster) -> None:
    files = [each for each in cluster.secrets.rglob("*") if each.is_file() and each.name != "gossip.json"]
    assert len(files) == 4
    assert {oct(each.stat().st_mode & 0o777) for each in files} == {"0o400"}


def test_the_agent_is_allowed_what_it_needs(cluster: Cluster) -> None:
    """Nodes appear in the catalogue only if their agent may write them."""
    token = {"X-Consul-Token": tokens(cluster)["management"]}
    until = time.monotonic() + DEADLINE
    with httpx2.Client(base_url=cluster.url, headers=token, trust_env=False, verify=False) as http:
        while "consul" not in http.get("/v1/catalog/services").json():
            assert time.monotonic() < until
            time.sleep(0.1)


def test_what_is_prepared_is_left_alone(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        assert script("consul/prepare.py", tmp_path, os.getuid(), "encrypt").returncode == 0
        made.append((tmp_path / "gossip/gossip.json").read_text())
    assert made[0] == made[1]
    assert (tmp_path / "encrypt/token").read_text() == ""
