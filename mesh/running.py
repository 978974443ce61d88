"""A mesh that runs in this process: its registry, its gateways, its services."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

from discovery.consul import Consul
from discovery.errors import RegistryUnreachable
from discovery.settings import ConsulSettings
from mesh import registry
from mesh.catalog import describe
from mesh.errors import NoSuchInstance, NotReady
from mesh.fleet import Fleet, checked_count
from mesh.names import new_names
from mesh.readiness import READY_WITHIN, SHORT_LIVES, until_serving
from mesh.status import Status
from mesh.supervisor import Running, Supervisor

REGISTRY_WITHIN = 30.0
"""Seconds for a registry of our own to be ready; the embedded one takes less than one, Consul about two."""

Taken = Callable[[], Awaitable[set[str]]]
"""The IDs that somebody has already, here or in another mesh."""


class RunningMesh:
    def __init__(self, fleet: Fleet, supervisor: Supervisor, consul: ConsulSettings, logs: Path, taken: Taken) -> None:
        self.consul_settings = consul
        self._fleet = fleet
        self._supervisor = supervisor
        self._logs = logs
        self._taken = taken
        self._registry_is = ""
        self._ready = False

    async def start_registry(self) -> None:
        """Start it if it is ours, and learn what it is. Raises NotReady with the reason, RegistryError, NoConsul."""
        if self._fleet.own:
            self._supervisor.add(self._fleet.of_registry(self._fleet.own))
            await self._until_registry_is_ready()
        async with Consul(self.consul_settings) as consul:
            self._registry_is = await describe(consul)

    async def start_services(self, encrypt: int, *, gateways: int = 1) -> None:
        """Start this many gateways, on one port, and instances of encrypt, under IDs that nobody has."""
        taken = await self._taken()
        for number, name in enumerate(new_names("gateway", gateways, taken)):
            self._supervisor.add(self._fleet.of("gateway", name, first=number == 0))
        for name in new_names("encrypt", encrypt, taken):
            self._supervisor.add(self._fleet.of("encrypt", name))

    async def until_ready(self, tell: Callable[[int], object]) -> None:
        """Raises NotReady."""
        async with Consul(self.consul_settings) as consul:
            await until_serving(consul, self.services, tell=tell, seconds=READY_WITHIN)
        self._ready = True

    async def services(self) -> list[Running]:
        """All but the registry."""
        return [one for one in self._supervisor.running() if one.service != "registry"]

    def status(self) -> Status:
        return Status(
            pid=os.getpid(),
            ready=self._ready,
            registry=self._fleet.registry_address,
            registry_is=self._registry_is,
            own_registry=self._fleet.own is not None,
            gateway_host=self._fleet.gateway_host,
            gateway_port=self._fleet.gateway_port,
            admin_host=self._fleet.admin_host,
            admin_port=self._fleet.admin_port,
            logs=str(self._logs),
            instances=tuple(self._supervisor.running()),
        )

    def one(self, instance: str) -> Running:
        """Raises NoSuchInstance."""
        for running in self._supervisor.running():
            if running.id == instance:
                return running
        raise NoSuchInstance(f"this mesh does not run {instance}")

    def signal(self, instance: str, number: signal.Signals) -> Running:
        """Send it, and say to whom. Raises NoSuchInstance."""
        to = self.one(instance)
        self._supervisor.signal(instance, number)
        return to

    async def restart(self, instance: str) -> Running:
        """Raises NoSuchInstance, NotReady."""
        await self._supervisor.restart(instance)
        return self.one(instance)

    async def scale(self, service: str, wanted: int) -> tuple[list[str], list[str]]:
        """Start or end instances until there are that many: who was added, and who has ended. Raises NotAllowed."""
        there = [one.id for one in self._supervisor.running() if one.service == service]
        surplus = there[checked_count(service, wanted) :]
        await asyncio.gather(*map(self._supervisor.remove, surplus))
        added = new_names(service, max(0, wanted - len(there)), await self._taken() | set(there))
        for instance in added:
            self._supervisor.add(self._fleet.of(service, instance))
        return added, surplus

    def hurry(self) -> None:
        self._supervisor.hurry()

    async def close(self) -> None:
        await self._supervisor.close()

    async def _until_registry_is_ready(self) -> None:
        deadline = monotonic() + REGISTRY_WITHIN
        while True:
            try:
                await registry.wait_until_ready(self._fleet.registry_address, seconds=1.0)
            except RegistryUnreachable as error:
                one = self.one("registry")
                if monotonic() > deadline or one.short_lives >= SHORT_LIVES:
                    ended = f"; it ended with {one.last_end}" if one.last_end else ""
                    raise NotReady(f"our own registry is not ready: {error}{ended}; its log is {one.log}") from error
            else:
                return
