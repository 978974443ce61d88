"""The whole story in half a minute: a mesh of its own, a steady load, one instance killed, and found again."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Protocol

from discovery.consul import Consul
from discovery.settings import load
from mesh import moments, settings
from mesh.admin import admin_at
from mesh.calling import Caller, Said
from mesh.choice import choose_here
from mesh.errors import NotReady
from mesh.fleet import fleet_for
from mesh.leaving import Leaving
from mesh.load import Load, post
from mesh.names import taken
from mesh.outcome import Outcome, ms, rounded
from mesh.ports import free_port
from mesh.running import RunningMesh
from mesh.settings import GatewaySettings
from mesh.status import Status
from mesh.supervisor import Running, Supervisor

TEXT, KEY = "hello, mesh", "a key for the demo only"

CALM = 1.0
"""Seconds of load before and after what happens to the instance, at least."""


@dataclass(frozen=True, slots=True)
class DemoWish:
    """What was asked for. `rate` in requests a second; the load lasts `seconds`, or as long as the story needs."""

    consul: str
    encrypt: int
    rate: float
    seconds: float


class Audience(Protocol):
    def step(self, text: str) -> None:
        """What is being done now."""

    def done(self, text: str) -> None:
        """What has been done, or seen."""


async def demo(wish: DemoWish, runtime: Path, logs: Path, audience: Audience) -> Outcome | None:
    """None when it was interrupted. Nothing that it starts outlives it. Raises MeshError, DiscoveryError."""
    choice = await choose_here(wish.consul, port=None)
    # Ports of its own, so that it runs beside anything.
    fleet = fleet_for(choice, load(GatewaySettings), free_port(), free_port())
    consul = settings.consul_settings(fleet.registry_address, ours=fleet.own is not None)
    supervisor = Supervisor(logs, lambda _: None)
    mesh = RunningMesh(fleet, supervisor, consul, logs, partial(taken, consul, runtime, but=None))
    leaving = Leaving(hurry=mesh.hurry)
    leaving.at_signals()
    outcomes: list[Outcome] = []

    async def story() -> None:
        outcomes.append(await _Story(mesh, wish, audience).tell())

    try:
        await leaving.unless(story())
    finally:
        audience.step("ending")
        if fleet.own:
            mesh.hurry()  # nobody else can be waiting for an orderly end
        await mesh.close()
    return outcomes[0] if outcomes else None


class _Story:
    def __init__(self, mesh: RunningMesh, wish: DemoWish, audience: Audience) -> None:
        self._mesh = mesh
        self._wish = wish
        self._audience = audience

    async def tell(self) -> Outcome:
        await self._begin()
        status = self._mesh.status()
        host, port = status.gateway_host, status.gateway_port
        await self._encrypt_and_decrypt(host, port)
        async with Load(host, port, rate=self._wish.rate, request=post(host, port)) as load:
            return await self._under(load, status)

    async def _begin(self) -> None:
        began = monotonic()
        self._audience.step("starting a registry")
        await self._mesh.start_registry()
        await self._mesh.start_services(self._wish.encrypt)
        await self._mesh.until_ready(lambda missing: self._audience.step(f"waiting for {missing} more to serve"))
        status = self._mesh.status()
        self._audience.done(
            f"registry ({status.registry_is}), gateway and {self._wish.encrypt} instances of encrypt "
            f"serve after {monotonic() - began:.1f} s"
        )

    async def _encrypt_and_decrypt(self, host: str, port: int) -> None:
        self._audience.step("encrypting and decrypting a text")
        async with Caller(host, port) as caller:
            encrypted = await caller.call("POST", "/encrypt", json.dumps({"text": TEXT, "key": KEY}).encode())
            message = _field(encrypted, "message")
            decrypted = await caller.call("POST", "/decrypt", json.dumps({"message": message, "key": KEY}).encode())
            if _field(decrypted, "text") != TEXT:
                raise NotReady("what was decrypted is not what was encrypted")
        self._audience.done(
            f"{TEXT!r} became {message[:20]}... at {encrypted.served_by} and itself again at {decrypted.served_by}"
        )

    async def _under(self, load: Load, status: Status) -> Outcome:
        victim = [one for one in status.instances if one.service == "encrypt"][-1]
        self._audience.step(f"sending {self._wish.rate:g} requests a second")
        await load.start()
        began = monotonic()
        await asyncio.sleep(CALM)
        await self._mesh.until_ready(lambda _: None)  # one that is out already could not be seen to go
        ejected_ms, critical_ms = await self._kill(victim, status)
        rediscovered_ms = await self._bring_back(victim, load)
        self._audience.step("sending on for a while")
        await asyncio.sleep(max(CALM, began + self._wish.seconds - monotonic()))
        report = await load.stop()
        return Outcome(status.registry_is, victim.id, report, ejected_ms, critical_ms, rediscovered_ms)

    async def _kill(self, victim: Running, status: Status) -> tuple[float | None, float | None]:
        """It stays down until the registry has noticed: no restart can be quicker than the news of it."""
        self._audience.step(f"{victim.id} is killed, and held down until the registry calls it critical")
        async with Consul(self._mesh.consul_settings) as consul, admin_at(status.admin_authority) as admin:
            killed_at, killed = datetime.now(UTC), monotonic()
            self._mesh.signal(victim.id, signal.SIGKILL)
            out_at, critical_at = await asyncio.gather(
                moments.ejected(admin, victim.id, since=killed_at), moments.critical(consul, "encrypt", victim.id)
            )
        ejected_ms = None if out_at is None else max(0.0, (out_at - killed_at).total_seconds() * 1000)
        critical_ms = None if critical_at is None else (critical_at - killed) * 1000
        self._audience.done(
            f"{victim.id} got a SIGKILL: out of the gateway's rotation after {ms(ejected_ms)}, "
            f"critical in the registry after {ms(critical_ms)}"
        )
        return rounded(ejected_ms), rounded(critical_ms)

    async def _bring_back(self, victim: Running, load: Load) -> float | None:
        self._audience.step(f"{victim.id} is started again")
        restarted = monotonic()
        again = await self._mesh.restart(victim.id)
        opened = await moments.port_opened("127.0.0.1", again.port)
        answered = await moments.answered(load.answers, victim.id, since=restarted)
        if opened is None or answered is None:
            self._audience.done(f"{victim.id} was started again, and did not answer")
            return None
        rediscovered_ms = max(0.0, (answered - opened) * 1000)
        self._audience.done(
            f"{victim.id} was started again on port {again.port}: its port opened after {opened - restarted:.1f} s, "
            f"and {ms(rediscovered_ms)} later a client had an answer from it"
        )
        return rounded(rediscovered_ms)


def _field(said: Said, name: str) -> str:
    """Raises NotReady for anything but a success with that field."""
    try:
        if said.is_success:
            return str(json.loads(said.body)[name])
    except (ValueError, KeyError, TypeError):
        pass
    raise NotReady(f"the gateway answered {said.status} where a {name} was expected: {said.body[:300]}")
