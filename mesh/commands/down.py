"""`mesh down`"""

from __future__ import annotations

import asyncio
from typing import Annotated

import psutil
import typer

from mesh.commands.options import AsJson, GatewayPort
from mesh.finding import Found
from mesh.runtime import is_claimed
from mesh.target import running_mesh
from mesh.terminal import emit, progress, say

POLL = 0.05


def down(
    gateway_port: GatewayPort = None,
    now: Annotated[bool, typer.Option("--now", help="Kill everything, and wait for nobody.")] = False,
    as_json: AsJson = False,
) -> None:
    """End a mesh, in order: services, gateway, registry. Returns when it is gone."""
    with progress("ending the mesh", quiet=as_json):
        mesh = asyncio.run(_down(gateway_port, now))
    if as_json:
        emit({"ended": mesh.status.as_json()})
    else:
        say(f"the mesh at {mesh.status.gateway_url} has ended")


async def _down(gateway_port: int | None, now: bool) -> Found:
    mesh = await running_mesh(gateway_port)
    supervisor = _process(mesh.status.pid)
    await mesh.remote.down(now=now)
    while is_claimed(mesh.place) or _is_alive(supervisor):
        await asyncio.sleep(POLL)
    return mesh


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _is_alive(process: psutil.Process | None) -> bool:
    """It lets the lock go shortly before its own end. A zombie has ended."""
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
