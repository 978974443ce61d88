"""`make test-compose`: the images and compose.yaml, for real. Needs Docker, and three minutes.

Each test runs with one Consul server and with a cluster that has access control.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator

import pytest

from tests.deploy.project import ROOT, SERVICES
from tests.deploy.stack import Stack, addresses, answers_again, inspect, instance, run, until

pytestmark = pytest.mark.skipif(
    os.environ.get("MESH_TEST_COMPOSE") != "1", reason="needs Docker and three minutes: make test-compose"
)


@pytest.fixture(scope="module", params=["single", "cluster"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    started = Stack(request.param)
    try:
        asyncio.run(started.up("--build"))
        yield started
    finally:
        asyncio.run(started.down())
    label = f"label=com.docker.compose.project={started.name}"
    assert asyncio.run(run("docker", "ps", "--all", "--quiet", "--filter", label)) == "", "everything is taken down"


@pytest.fixture
async def whole(stack: Stack) -> Stack:
    """With three instances in rotation, whatever the test before did."""
    await stack.up("--no-recreate")
    await until(lambda: serves(stack, 3))
    return stack


async def serves(stack: Stack, instances: int) -> bool:
    running = {instance(each) for each in await stack.containers("encrypt")}
    return len(running) == instances and await stack.in_rotation() == running


async def test_what_one_instance_encrypts_the_mesh_decrypts(whole: Stack) -> None:
    sealed = await whole.call("/encrypt", text="ship it", key="a key of a test")
    assert await whole.call("/decrypt", key="a key of a test", **sealed) == {"text": "ship it"}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_container_may_do_nothing_that_it_need_not(whole: Stack, service: str) -> None:
    assert (await whole.execute(service, "id")).split()[:2] == ["uid=10001", "gid=10001"]
    writing = "touch /app/new /tmp/new /new 2>&1; test ! -e /app/new -a ! -e /tmp/new -a ! -e /new"
    assert (await whole.execute(service, "sh", "-c", writing)).count("Read-only file system") == 3
    assert "CapEff:\t0000000000000000" in await whole.execute(service, "cat", "/proc/1/status")
    for container in await whole.containers(service):
        host = (await inspect(container))["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert not host["Privileged"]


@pytest.mark.parametrize("service", SERVICES)
async def test_an_image_carries_one_service(whole: Stack, service: str) -> None:
    assert (await whole.execute(service, "ls", "services")).split() == [service]
    for module in ("cryptography",) if service == "gateway" else ():
        finding = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is not None)"
        await whole.execute(service, "python", "-c", finding)
    installing = "import importlib.util, sys; sys.exit(any(map(importlib.util.find_spec, ['pip', 'ensurepip'])))"
    await whole.execute(service, "python", "-c", installing)


@pytest.mark.parametrize("service", SERVICES)
async def test_an_image_is_hardly_larger_than_its_base(whole: Stack, service: str) -> None:
    (base,) = re.findall("^ARG PYTHON=(.+)$", (ROOT / "services" / service / "Dockerfile").read_text(), re.M)
    (used, *_) = [(await inspect(each))["Image"] for each in await whole.containers(service)]
    ours = await size(used) - await size(base)
    said = (ROOT / "docs/operating.md").read_text()
    (limit,) = re.findall(rf"^\| `{service}` \|.* (\d+) MB \|$", said, re.M)
    assert 0 < ours < int(limit) * 1_000_000


async def size(image: str) -> int:
    return int(await run("docker", "image", "inspect", "--format", "{{.Size}}", image))


async def test_a_container_that_is_killed_hurts_nobody_and_is_found_again(whole: Stack) -> None:
    victim = (await whole.containers("encrypt"))[0]
    async with whole.load() as load:
        await answers_again(load, instance(victim))
        await run("docker", "kill", victim)
        await until(lambda: is_out(whole, victim))
        await run("docker", "start", victim)
        await answers_again(load, instance(victim))


async def is_out(stack: Stack, container: str) -> bool:
    return instance(container) not in await stack.in_rotation()


async def test_more_are_found_and_fewer_are_not_missed(whole: Stack) -> None:
    before = set(await whole.containers("encrypt"))
    async with whole.load() as load:
        await whole.up("--no-recreate", "--scale", "encrypt=5")
        added = set(await whole.containers("encrypt")) - before
        assert len(added) == 2
        for each in added:
            await answers_again(load, instance(each))
        await whole.up("--no-recreate", "--scale", "encrypt=3")
        await until(lambda: serves(whole, 3))


async def test_a_registry_that_restarts_is_not_missed(whole: Stack) -> None:
    async with whole.load():
        await whole.compose("restart", whole.registry)
        await until(lambda: hears_registry(whole))
        await until(lambda: serves(whole, 3))


async def hears_registry(stack: Stack) -> bool:
    return bool((await stack.admin("/api/v1/services"))["registry"]["answers"])


async def test_a_service_starts_while_the_registry_is_down(whole: Stack) -> None:
    """Its container has no name then; the service finds its own address all the same, and is found in the end."""
    victim = (await whole.containers("encrypt"))[0]
    async with whole.load() as load:
        await whole.compose("stop", whole.registry)
        await run("docker", "restart", victim)
        await until(lambda: is_healthy(victim))
        assert (await inspect(victim))["RestartCount"] == 0
        await whole.compose("start", whole.registry)
        await until(lambda: serves(whole, 3))
        await answers_again(load, instance(victim))


async def is_healthy(container: str) -> bool:
    return bool((await inspect(container))["State"]["Health"]["Status"] == "healthy")


@pytest.fixture
def cluster(whole: Stack) -> Stack:
    if whole.profile != "cluster":
        pytest.skip("is about a cluster")
    return whole


async def test_two_of_three_servers_do(cluster: Stack) -> None:
    leader = await leading(cluster)
    before = set(await cluster.containers("encrypt"))
    async with cluster.load() as load:
        await cluster.compose("kill", leader)
        await cluster.up("--no-recreate", "--no-deps", "--scale", "encrypt=4", "encrypt")
        (added,) = set(await cluster.containers("encrypt")) - before
        await answers_again(load, instance(added))
        assert await leading(cluster) != leader
        await cluster.compose("start", leader)
        await cluster.up("--no-recreate")


async def leading(stack: Stack) -> str:
    """The server that leads, by the address that others know it under."""
    address = (await stack.consul("GET", "/v1/status/leader")).json().partition(":")[0]
    servers = ("server-1", "server-2", "server-3")
    found = {each: await addresses(container) for each in servers for container in await stack.containers(each)}
    return next(name for name, known in found.items() if address in known)


async def test_a_token_opens_one_door(cluster: Stack) -> None:
    encrypt = await cluster.execute("encrypt", "cat", "/run/consul/token")
    gateway = await cluster.execute("gateway", "cat", "/run/consul/token")
    assert encrypt
    assert encrypt != gateway
    for token, name, status in [
        (encrypt, "encrypt", 200), (encrypt, "gateway", 403), (gateway, "encrypt", 403), ("", "encrypt", 403)
    ]:  # fmt: skip
        entry = {"Name": name, "ID": "made-up", "Address": "192.0.2.1", "Port": 1}
        response = await cluster.consul("PUT", "/v1/agent/service/register", token, entry)
        assert response.status_code == status, response.text
    assert (await cluster.consul("PUT", "/v1/agent/service/deregister/made-up", gateway)).status_code == 403
    assert (await cluster.consul("PUT", "/v1/agent/service/deregister/made-up", encrypt)).status_code == 200


async def test_a_service_with_the_token_of_another_is_refused(cluster: Stack) -> None:
    volume = f"{cluster.name}_gateway-token:/run/consul:ro"
    said = await cluster.compose("run", "--detach", "--no-deps", "--volume", volume, "encrypt")
    container = said.strip()[-64:]
    try:
        await until(lambda: complains(container, "Consul answered 403"))
        token = await cluster.execute("gateway", "cat", "/run/consul/token")
        listed = (await cluster.consul("GET", "/v1/health/service/encrypt", token)).json()
        assert len(listed) >= 3
        assert instance(container[:12]) not in {each["Service"]["ID"] for each in listed}
    finally:
        await run("docker", "rm", "--force", container)


async def complains(container: str, of: str) -> bool:
    return of in await run("sh", "-c", f"docker logs {container} 2>&1")
