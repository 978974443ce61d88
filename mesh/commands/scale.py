"""`mesh scale`"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer

from mesh.commands.options import AsJson, GatewayPort
from mesh.program import checked_id
from mesh.target import running_mesh, until_these_serve
from mesh.terminal import emit, progress, say


def scale(
    service: Annotated[str, typer.Argument(help="encrypt, or gateway.")],
    instances: Annotated[int, typer.Argument(metavar="N", help="How many instances there are to be.")],
    gateway_port: GatewayPort = None,
    as_json: AsJson = False,
) -> None:
    """Start or end instances of a service until there are N; returns when the new ones serve."""
    with progress(f"scaling {service} to {instances}", quiet=as_json) as tell:
        added, removed = asyncio.run(_scale(checked_id(service), instances, gateway_port, tell))
    if as_json:
        emit({"service": service, "instances": instances, "added": added, "removed": removed})
    elif added or removed:
        say("; ".join([*(f"{name} serves" for name in added), *(f"{name} has ended" for name in removed)]))
    else:
        say(f"{service} has {instances} instances already")


async def _scale(
    service: str, instances: int, gateway_port: int | None, tell: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    mesh = await running_mesh(gateway_port)
    added, removed = await mesh.remote.scale(service, instances)
    if added:
        tell(f"waiting until {', '.join(added)} serve")
        await until_these_serve(mesh, added)
    return added, removed
