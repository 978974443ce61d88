"""What a command is about when it does not say: the mesh that runs here, its registry, its gateway."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from discovery.consul import Consul
from discovery.settings import ConsulSettings, load
from mesh import settings
from mesh.choice import CONSUL_PORT
from mesh.errors import NoMesh
from mesh.finding import Found, the_mesh
from mesh.readiness import until_serving
from mesh.runtime import runtime_directory
from mesh.settings import GatewaySettings, RuntimeSettings
from mesh.supervisor import Running


@dataclass(frozen=True, slots=True)
class Registry:
    address: str
    settings: ConsulSettings


async def running_mesh(gateway_port: int | None) -> Found:
    """Raises NoMesh, SeveralMeshes."""
    return await the_mesh(runtime_directory(load(RuntimeSettings).runtime_dir), gateway_port)


async def running_mesh_if_any(gateway_port: int | None) -> Found | None:
    """Raises SeveralMeshes."""
    try:
        return await running_mesh(gateway_port)
    except NoMesh:
        return None


def registry_of(mesh: Found | None, said: str | None) -> Registry:
    """The one that was said, or the mesh's, or the environment's, or Consul's usual port. Raises SettingsError."""
    if said is None and mesh is not None:
        status = mesh.status
        return Registry(status.registry, settings.consul_settings(status.registry, ours=status.own_registry))
    address = said or settings.consul_in_environment() or f"127.0.0.1:{CONSUL_PORT}"
    return Registry(address, settings.consul_settings(address, ours=False))


async def gateway_address(gateway_port: int | None) -> tuple[str, int]:
    """Host and port of the mesh's gateway; without a mesh, where the settings say that one is. Raises SeveralMeshes."""
    mesh = await running_mesh_if_any(gateway_port)
    if mesh is not None:
        return mesh.status.gateway_host, mesh.status.gateway_port
    gateway = load(GatewaySettings)
    return settings.reachable(gateway.host), gateway_port or gateway.port


async def until_these_serve(mesh: Found, instances: Collection[str]) -> None:
    """Return when these instances of the mesh serve. Raises NotReady, or NoMesh when the mesh ends meanwhile."""

    async def running() -> list[Running]:
        return [one for one in (await mesh.remote.status()).instances if one.id in instances]

    async with Consul(registry_of(mesh, None).settings) as consul:
        await until_serving(consul, running)
