"""Meshes of real processes for tests: the registry is the test's own, so that it can be hurt too."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from discovery.consul import Consul
from discovery.instance import Instance
from discovery.settings import ConsulSettings
from mesh import settings
from mesh.admin import admin_at
from mesh.catalog import everyone
from mesh.fleet import Fleet
from mesh.load import Load, post
from mesh.moments import answered
from mesh.ports import free_port
from mesh.running import RunningMesh
from mesh.supervisor import Running, Supervisor
from tests.mesh.typed import NOT_INHERITED
from tests.registries import DEADLINE, Registry

RATE = float(os.environ.get("MESH_E2E_RATE") or 200)
"""Requests a second."""

LEAST, EASY_MS = 25.0, 100.0
"""Where nine in ten answers take longer than that before anything is hurt, nobody can say what is the hurt's fault."""


class Mesh(RunningMesh):
    """A mesh on a registry that it did not start."""

    def __init__(self, registry: Registry, logs: Path, environment: Mapping[str, str]) -> None:
        self.fleet = fleet_on(registry, logs / "known", environment)
        self.supervisor = Supervisor(logs, lambda _: None)
        super().__init__(self.fleet, self.supervisor, consul_settings(registry), logs, _nobody)

    def instances(self) -> list[Running]:
        """Those of encrypt."""
        return [one for one in self.supervisor.running() if one.service == "encrypt"]

    async def ready(self) -> None:
        await self.until_ready(lambda _: None)

    async def entries(self) -> list[Instance]:
        async with Consul(self.consul_settings) as consul:
            return await everyone(consul)

    async def uses(self, instance: str) -> bool:
        """Whether the gateway has it in rotation."""
        async with admin_at(self.status().admin_authority) as admin:
            return any(seen.in_rotation for (one, _), seen in (await admin.rotation()).items() if one == instance)

    @asynccontextmanager
    async def load(self) -> AsyncIterator[Load]:
        """RATE requests a second, or half of it, or half of that: what this machine can carry with ease just now."""
        rate = RATE
        while True:
            async with self._load(rate) as load:
                if rate <= LEAST or (load.report().p90_ms or 0.0) < EASY_MS:
                    yield load
                    return
            rate /= 2

    @asynccontextmanager
    async def _load(self, rate: float) -> AsyncIterator[Load]:
        """Under way for about a second."""
        host, port = self.fleet.gateway_host, self.fleet.gateway_port
        async with Load(host, port, rate=rate, request=post(host, port)) as load:
            await load.start()
            await until(lambda: len(load.answers) >= rate)
            yield load


def fleet_on(registry: Registry, known: Path, environment: Mapping[str, str]) -> Fleet:
    """Its programs get our environment without what could lead them elsewhere, and this one."""
    inherited = {name: value for name, value in settings.inherited().items() if not name.startswith(NOT_INHERITED)}
    return Fleet(
        registry_address=registry.address,
        registry_port=registry.port,
        own=None,
        gateway_host="127.0.0.1",
        gateway_port=free_port(),
        admin_host="127.0.0.1",
        admin_port=free_port(),
        inherited={**inherited, **environment},
        known=known,
    )


@asynccontextmanager
async def a_mesh(
    registry: Registry, logs: Path, *, encrypt: int = 3, environment: Mapping[str, str] = {}
) -> AsyncIterator[Mesh]:
    """All its instances serve when it is yielded, and are gone afterwards."""
    async with a_mesh_of_nobody(registry, logs, environment) as mesh:
        await mesh.start_services(encrypt)
        await mesh.ready()
        yield mesh


@asynccontextmanager
async def a_mesh_of_nobody(registry: Registry, logs: Path, environment: Mapping[str, str] = {}) -> AsyncIterator[Mesh]:
    """A mesh without any instance: what is added to its supervisor ends with it."""
    mesh = Mesh(registry, logs, environment)
    try:
        yield mesh
    finally:
        mesh.hurry()
        await mesh.close()


def consul_settings(registry: Registry) -> ConsulSettings:
    return settings.consul_settings(registry.address, ours=True)


async def until(true: Callable[[], object | Awaitable[object]], *, within: float = DEADLINE) -> None:
    """`true` may be a condition or something that has to be asked."""
    async with asyncio.timeout(within):
        while True:
            found = true()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.02)


async def serves_again(load: Load, instance: str, *, since: float) -> bool:
    """Whether a client has had a good answer from it after `since` (monotonic), or soon gets one."""
    return await answered(load.answers, instance, since=since) is not None


async def _nobody() -> set[str]:
    return set()
