"""Start a mesh in this process, say what happens to it, and end it in order when told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from discovery.settings import load
from mesh import control, settings
from mesh.choice import choose_here
from mesh.errors import AlreadyRunning, PortTaken
from mesh.finding import running_meshes
from mesh.fleet import Fleet, admin_port, fleet_for
from mesh.keeper import Event
from mesh.leaving import Leaving
from mesh.logs import keep_small
from mesh.names import taken
from mesh.orders import Orders
from mesh.ports import reserved
from mesh.running import RunningMesh
from mesh.runtime import Place, claimed, place, runtime_directory, starting
from mesh.settings import GatewaySettings, RuntimeSettings
from mesh.status import Status
from mesh.supervisor import Supervisor

OTHERS_START_WITHIN = 90.0
"""Seconds: longer than a mesh takes to start, or to give up."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. `consul` is `auto`, `binary`, `embedded` or `HOST:PORT`; `gateway_port` None: the setting."""

    consul: str
    consul_port: int
    encrypt: int
    gateway_port: int | None
    gateways: int


class Audience(Protocol):
    """Who is told how it goes."""

    def step(self, text: str) -> None:
        """What is being done now, for something that may take longer than a second."""

    def ready(self, status: Status) -> None: ...

    def happened(self, event: Event) -> None: ...


def up(wish: Wish, audience: Audience) -> None:
    """Return when the mesh was told to end, and has ended. Raises MeshError, DiscoveryError."""
    runtime = runtime_directory(load(RuntimeSettings).runtime_dir)
    gateway = load(GatewaySettings)
    port = wish.gateway_port or gateway.port
    with ExitStack() as until_named:
        audience.step("looking around")
        until_named.enter_context(starting(runtime, patience=OTHERS_START_WITHIN))
        asyncio.run(_refuse_a_second(runtime, port))
        choice = asyncio.run(choose_here(wish.consul, port=wish.consul_port))
        if choice.own and port == choice.port:
            raise PortTaken(f"port {port} is to be the registry's; --gateway-port takes another for the gateway")
        where = place(runtime, choice.address, port)
        with claimed(where), reserved(port):
            admin = gateway.admin_port or admin_port(port, but=choice.port)
            fleet = replace(fleet_for(choice, gateway, port, admin), known=where.known)
            asyncio.run(_run(fleet, where, wish, audience, until_named.close))


async def _refuse_a_second(runtime: Path, gateway_port: int) -> None:
    for mesh in await running_meshes(runtime):
        if mesh.status.gateway_port == gateway_port:
            raise AlreadyRunning(
                f"a mesh with gateway port {gateway_port} is running already (process {mesh.status.pid}, registry "
                f"{mesh.status.registry}): mesh ps shows it, mesh down ends it"
            )


async def _run(
    fleet: Fleet, where: Place, wish: Wish, audience: Audience, names_are_settled: Callable[[], None]
) -> None:
    consul = settings.consul_settings(fleet.registry_address, ours=fleet.own is not None)

    def happened(event: Event) -> None:
        try:
            audience.happened(event)
        except (BrokenPipeError, SystemExit):
            leaving.leave()  # nobody is listening any more: as when the terminal is closed

    supervisor = Supervisor(where.logs, happened)
    mesh = RunningMesh(fleet, supervisor, consul, where.logs, partial(taken, consul, where.directory.parent, but=where))
    leaving = Leaving(hurry=mesh.hurry)
    leaving.at_signals()

    async def start() -> None:
        audience.step("starting the registry" if fleet.own else "asking the registry")
        await mesh.start_registry()
        await mesh.start_services(wish.encrypt, gateways=wish.gateways)
        names_are_settled()
        await mesh.until_ready(lambda missing: audience.step(f"waiting for {missing} more to serve"))
        audience.ready(mesh.status())

    async with control.listening(where.socket, Orders(mesh, leaving.leave).answer):
        cutting = asyncio.create_task(keep_small(where.logs))
        try:
            await leaving.unless(start())
            await leaving.told()
        finally:
            audience.step("ending")
            await mesh.close()
            cutting.cancel()
