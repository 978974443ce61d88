"""`mesh restart`"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Annotated, Any

import typer

from mesh import registry
from mesh.commands.options import AsJson, GatewayPort
from mesh.errors import NoSuchInstance
from mesh.finding import Found
from mesh.program import checked_id
from mesh.running import REGISTRY_WITHIN
from mesh.status import Status
from mesh.supervisor import Running
from mesh.target import running_mesh, until_these_serve
from mesh.terminal import emit, progress, say


def restart(
    target: Annotated[str, typer.Argument(metavar="ID|SERVICE", help="One instance, or all of a service.")],
    gateway_port: GatewayPort = None,
    as_json: AsJson = False,
) -> None:
    """Restart one instance, or all of a service one after the other; each serves again before the next is ended.

    Whatever state it is in: one that is down is started, one that was stopped (SIGSTOP) is replaced.
    """
    with progress(f"restarting {target}", quiet=as_json) as tell:
        restarted = asyncio.run(_restart(checked_id(target), gateway_port, tell))
    if as_json:
        emit({"restarted": restarted})
        return
    for one in restarted:
        say(f"{one['id']} serves again on port {one['port']}, as process {one['pid']}, after {one['seconds']:.1f} s")


async def _restart(target: str, gateway_port: int | None, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    mesh = await running_mesh(gateway_port)
    return [await _restart_one(mesh, one, tell) for one in meant(mesh.status, target)]


async def _restart_one(mesh: Found, one: Running, tell: Callable[[str], None]) -> dict[str, Any]:
    tell(f"restarting {one.id}")
    began = monotonic()
    again = await mesh.remote.restart(one.id)
    tell(f"waiting until {one.id} serves")
    if one.service == "registry":
        await registry.wait_until_ready(mesh.status.registry, seconds=REGISTRY_WITHIN)
    else:
        await until_these_serve(mesh, [one.id])
    return {"id": again.id, "pid": again.pid, "port": again.port, "seconds": round(monotonic() - began, 3)}


def meant(status: Status, target: str) -> list[Running]:
    """The instance with that ID, or all of the service. Raises NoSuchInstance."""
    found = [one for one in status.instances if one.id == target]
    found = found or [one for one in status.instances if one.service == target]
    if not found:
        known = ", ".join(one.id for one in status.instances)
        raise NoSuchInstance(f"this mesh runs no {target}: it has {known}")
    return found
