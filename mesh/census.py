"""Who is there: what the registry, the gateway and the mesh itself say of each instance, side by side."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from time import time
from typing import Any

from discovery.consul import Consul
from discovery.errors import RegistryError
from discovery.instance import Instance
from mesh.admin import Rotation
from mesh.catalog import describe, everyone
from mesh.errors import NoRegistry
from mesh.finding import Found
from mesh.ghosts import boot_began, is_ghost
from mesh.readiness import rotation
from mesh.supervisor import Running
from mesh.target import Registry


@dataclass(frozen=True, slots=True)
class Row:
    """One instance. `health` is the registry's, or `ghost` when its process is not there, or the supervisor's state.

    `in_rotation` is None where no gateway was asked or none knows it; `age` is in seconds, None without a boot ID;
    `admin` is where a gateway says how it is.
    """

    service: str
    id: str
    address: str
    health: str
    pid: int | None
    host: str | None
    boot_id: str | None
    age: float | None
    version: str | None
    in_rotation: bool | None
    why: str | None
    admin: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Census:
    """`registry_is`: `embedded`, or `consul <version>`."""

    registry: str
    registry_is: str
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "registry": self.registry,
            "registry_is": self.registry_is,
            "instances": [row.as_json() for row in self.rows],
        }


async def census(registry: Registry, mesh: Found | None) -> Census:
    """Raises NoRegistry, NoMesh."""
    try:
        async with Consul(registry.settings) as consul:
            registry_is, entries = await describe(consul), await everyone(consul)
    except RegistryError as error:
        again = "; mesh restart registry starts it again" if mesh and mesh.status.own_registry else ""
        raise NoRegistry(f"no registry answers at {registry.address}: {error}{again}") from error
    running = (await mesh.remote.status()).instances if mesh else ()
    rows = [*registered(entries, await rotation(entries) or {}, now=time()), *unregistered(entries, running)]
    return Census(registry.address, registry_is, tuple(sorted(rows, key=lambda row: (row.service, row.id))))


def registered(entries: Iterable[Instance], seen: Rotation, *, now: float) -> Iterable[Row]:
    for entry in entries:
        began = boot_began(entry.boot_id)
        by_gateway = seen.get((entry.id, entry.boot_id))
        pid = entry.meta.get("pid", "")
        yield Row(
            service=entry.service,
            id=entry.id,
            address=entry.authority,
            health="ghost" if is_ghost(entry) else entry.health,
            pid=int(pid) if pid.isascii() and pid.isdigit() and len(pid) <= 10 else None,
            host=entry.meta.get("host"),
            boot_id=entry.boot_id or None,
            age=round(max(0.0, now - began), 3) if began is not None else None,
            version=entry.meta.get("version"),
            in_rotation=by_gateway.in_rotation if by_gateway else None,
            why=by_gateway.why if by_gateway else None,
            admin=entry.meta.get("admin"),
        )


def unregistered(entries: Iterable[Instance], running: Iterable[Running]) -> Iterable[Row]:
    """What the mesh runs, or holds down, that the registry does not know."""
    known = {entry.id for entry in entries}
    for one in running:
        if one.id not in known and one.service != "registry":
            yield Row(
                service=one.service,
                id=one.id,
                address=f"127.0.0.1:{one.port}",
                health=one.state,
                pid=one.pid,
                host=socket.gethostname(),
                boot_id=None,
                age=None,
                version=None,
                in_rotation=False,
                why=f"not registered; last: {one.last_end}" if one.last_end else "not registered",
            )
