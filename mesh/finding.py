"""Find the meshes that run on this machine, and the one that is meant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from mesh.errors import NoMesh, SeveralMeshes
from mesh.remote import Remote
from mesh.runtime import Place, places
from mesh.status import Status

ANSWERS_WITHIN = 5.0
"""Seconds: a supervisor has little to do, but the machine may have much."""


@dataclass(frozen=True, slots=True)
class Found:
    """A running mesh, as it was when it was found."""

    place: Place
    remote: Remote
    status: Status


async def running_meshes(runtime: Path, *, but: Place | None = None) -> list[Found]:
    """Raises MeshError for one that another version of the cockpit started."""
    found = [await _ask(place) for place in places(runtime) if place != but]
    return [mesh for mesh in found if mesh is not None]


async def the_mesh(runtime: Path, gateway_port: int | None) -> Found:
    """The one with this gateway port, or the only one. Raises NoMesh, SeveralMeshes."""
    meshes = await running_meshes(runtime)
    if gateway_port is not None:
        meshes = [mesh for mesh in meshes if mesh.status.gateway_port == gateway_port]
    if not meshes:
        on_port = f" with gateway port {gateway_port}" if gateway_port is not None else ""
        raise NoMesh(f"no mesh{on_port} is running; mesh up starts one")
    if len(meshes) > 1:
        ports = ", ".join(str(mesh.status.gateway_port) for mesh in meshes)
        raise SeveralMeshes(f"{len(meshes)} meshes are running; say which with --gateway-port ({ports})")
    return meshes[0]


async def _ask(place: Place) -> Found | None:
    """None for a place whose mesh is gone, or does not answer; a socket may be left over."""
    remote = Remote(place.socket)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            return Found(place, remote, await remote.status())
    except (NoMesh, TimeoutError):
        return None
