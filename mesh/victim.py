"""Signal an instance by its ID: the mesh's own through its supervisor, any other by what the registry says of it."""

from __future__ import annotations

import signal
import socket
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from discovery.consul import Consul
from discovery.instance import Instance
from mesh.catalog import everyone
from mesh.errors import Ghost, NoSuchInstance, NotAllowed
from mesh.finding import Found
from mesh.ghosts import process_of
from mesh.target import Registry


@dataclass(frozen=True, slots=True)
class Signalled:
    """Who got which signal. `pid` is None for one that did not run, and now stays down; `ours`: the mesh runs it."""

    id: str
    pid: int | None
    signal: str
    ours: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def signal_instance(instance: str, number: signal.Signals, mesh: Found | None, registry: Registry) -> Signalled:
    """Raises NoSuchInstance, Ghost, NotAllowed, NoMesh, RegistryError.

    The supervisor knows its children for sure; of others the registry tells the process, which may be another by now.
    """
    if mesh is not None and any(one.id == instance for one in mesh.status.instances):
        to = await mesh.remote.signal(instance, number)
        return Signalled(instance, to.pid, number.name, ours=True)
    async with Consul(registry.settings) as consul:
        entry = _only([entry for entry in await everyone(consul) if entry.id == instance], instance, registry.address)
    process = process_of(entry)
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        raise Ghost(f"{instance} is a ghost: process {process.pid} has just ended") from None
    except psutil.AccessDenied:
        raise NotAllowed(f"{instance} is process {process.pid}, which belongs to another user") from None
    return Signalled(instance, process.pid, number.name, ours=False)


def _only(entries: list[Instance], instance: str, registry: str) -> Instance:
    """IDs are unique within one Consul agent only: of several, the one here. Raises NoSuchInstance, NotAllowed."""
    if not entries:
        raise NoSuchInstance(f"neither a mesh here nor the registry at {registry} knows {instance}")
    here = [entry for entry in entries if entry.meta.get("host") == socket.gethostname()] or entries
    if len(here) > 1:
        raise NotAllowed(f"{instance} is registered {len(here)} times; it is not clear which is meant")
    return here[0]
