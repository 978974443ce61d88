"""Which IDs are free: nobody's in the registry, and nobody's in another mesh on this machine."""

from __future__ import annotations

from collections.abc import Collection
from itertools import count, islice
from pathlib import Path

from discovery.consul import Consul
from discovery.errors import RegistryError
from discovery.settings import ConsulSettings
from mesh.catalog import everyone
from mesh.errors import NoRegistry
from mesh.finding import running_meshes
from mesh.ghosts import is_ghost
from mesh.runtime import Place


def new_names(service: str, wanted: int, taken: Collection[str]) -> list[str]:
    """`encrypt-1`, `encrypt-2` and so on, without those that others have."""
    names = (f"{service}-{number}" for number in count(1))
    return list(islice((name for name in names if name not in taken), wanted))


async def taken(consul_settings: ConsulSettings, runtime: Path, *, but: Place | None) -> set[str]:
    """Those that others have; an entry whose process is gone has no owner any more. Raises NoRegistry, MeshError."""
    try:
        async with Consul(consul_settings) as consul:
            registered = {entry.id for entry in await everyone(consul) if not is_ghost(entry)}
    except RegistryError as error:
        raise NoRegistry(f"the registry does not say which IDs are free: {error}") from error
    others = await running_meshes(runtime, but=but)
    return registered | {one.id for mesh in others for one in mesh.status.instances}
