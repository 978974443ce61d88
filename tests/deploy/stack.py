"""The stack of compose.yaml as a project of its own, on ports of its own, which ends with the test that started it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias

import httpx2

from discovery.ports import free_ports
from mesh.load import Load, post
from tests.deploy.project import ROOT

Profile: TypeAlias = Literal["single", "cluster"]

REGISTRY: dict[Profile, str] = {"single": "consul", "cluster": "agent"}
"""The service that the others speak to Consul through."""

DEADLINE = 90.0
"""Seconds that a slow machine gets for what takes a few: containers start, servers elect, agents look again."""

RATE = float(os.environ.get("MESH_E2E_RATE") or 25)
"""Requests a second: few, as a cluster of nine containers on two cores has other things to do as well."""


class Stack:
    """Compose, called as a person would call it."""

    def __init__(self, profile: Profile, name: str = "", **environment: str) -> None:
        """`name`, if it is not the first of its profile; `environment`, besides what makes it a project of its own."""
        self.profile = profile
        self.name = f"mesh-test-{name or profile}"
        self.port, self.admin_port, self.consul_port, self.prometheus_port = free_ports(4)
        self._more = environment

    @property
    def registry(self) -> str:
        return REGISTRY[self.profile]

    async def compose(self, *arguments: str) -> str:
        """What it says. Raises AssertionError when it fails."""
        return await run("docker", "compose", "--project-name", self.name, *arguments, **self._environment)

    async def up(self, *arguments: str) -> None:
        await self.compose("up", "--detach", "--wait", *arguments)

    async def down(self) -> None:
        await self.compose("down", "--volumes", "--remove-orphans", "--timeout", "30")

    async def execute(self, service: str, *command: str) -> str:
        return await self.compose("exec", "-T", service, *command)

    async def containers(self, service: str) -> list[str]:
        """Short IDs of those that run: a container's host name, and so a part of its instance's ID."""
        return [each[:12] for each in (await self.compose("ps", "--quiet", service)).split()]

    async def in_rotation(self) -> set[str]:
        """IDs of encrypt's instances that the gateway would choose."""
        document = await self.admin("/api/v1/services")
        instances = (each for service in document["services"] for each in service["instances"])
        return {each["id"] for each in instances if each["in_rotation"] and each["id"].startswith("encrypt-")}

    async def admin(self, path: str) -> Any:
        async with client(self.admin_port) as http:
            return (await http.get(path)).json()

    async def consul(self, method: str, path: str, token: str = "", document: object = None) -> httpx2.Response:
        async with client(self.consul_port) as http:
            return await http.request(method, path, headers={"X-Consul-Token": token}, json=document)

    async def prometheus(self, path: str, **query: str) -> Any:
        async with client(self.prometheus_port) as http:
            response = await http.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    async def call(self, path: str, headers: Mapping[str, str] | None = None, **document: str) -> Any:
        async with client(self.port) as http:
            response = await http.post(path, json=document, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    @asynccontextmanager
    async def load(self) -> AsyncIterator[Load]:
        """Requests at a steady rate; whoever leaves without an error has seen that none of them failed."""
        async with Load("127.0.0.1", self.port, rate=RATE, request=post("127.0.0.1", self.port)) as load:
            await load.start()
            await until(lambda: len(load.answers) > RATE)
            try:
                yield load
            except TimeoutError:
                raise AssertionError(await self.what_happened(load)) from None
            await asyncio.sleep(1.0)
            report = await load.stop()
            assert report.failed == 0, await self.what_happened(load)

    async def what_happened(self, load: Load) -> str:
        """What clients saw, and what the gateway did, for whoever has to find out."""
        told = [load.report().as_json(), await self.admin("/api/v1/services"), await self.admin("/api/v1/events")]
        return "\n".join(json.dumps(each, indent=1) for each in told)

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "COMPOSE_PROFILES": self.profile,
            "MESH_PORT": str(self.port),
            "MESH_ADMIN_PORT": str(self.admin_port),
            "MESH_CONSUL_PORT": str(self.consul_port),
            "MESH_PROMETHEUS_PORT": str(self.prometheus_port),
            **self._more,
        }


def instance(container: str) -> str:
    return f"encrypt-{container}-8000"


async def run(*command: str, **environment: str) -> str:
    """What a command says. Raises AssertionError, with that, when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, f"{' '.join(command)}\n{said.decode()}\n{complained.decode()}"
    return said.decode()


async def inspect(container: str) -> Any:
    return json.loads(await run("docker", "inspect", container))[0]


async def addresses(container: str) -> set[str]:
    return {each["IPAddress"] for each in (await inspect(container))["NetworkSettings"]["Networks"].values()}


def client(port: int) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False, verify=False)


async def until(true: Callable[[], object | Awaitable[object]]) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                found = true()
                if await found if isinstance(found, Awaitable) else found:
                    return
            except (httpx2.TransportError, ValueError):
                pass  # whoever is asked may be away for the moment
            await asyncio.sleep(0.1)


async def answers_again(load: Load, name: str) -> None:
    """Return when a client has had an answer of this instance from now on."""
    seen = len(load.answers)
    await until(lambda: any(each.served_by == name for each in load.answers[seen:]))
