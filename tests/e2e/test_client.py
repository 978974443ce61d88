"""A program that calls services by name, without a gateway, sees nothing of what happens to them."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest

import discovery
from mesh.load import THROW_AWAY
from tests.e2e.meshes import RATE, Mesh, until
from tests.registries import Registry

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

JSON = {"content-type": "application/json"}

CALLS = RATE / 4
"""Calls a second: a client in pure Python costs this machine more than the gateway's wire."""


@dataclass
class Calling:
    """Calls on a schedule, whatever comes of them; `ended` counts what came, `served_by` who answered."""

    http: httpx2.AsyncClient
    ended: Counter[str] = field(default_factory=Counter)
    served_by: Counter[str] = field(default_factory=Counter)
    is_over: bool = False

    async def keep_calling(self) -> None:
        """Until it is over, and all that were begun have ended."""
        async with asyncio.TaskGroup() as calls:
            while not self.is_over:
                calls.create_task(self._call())
                await asyncio.sleep(1 / CALLS)

    async def more(self) -> None:
        """Wait for as many answers as come in a second."""
        before = self.ended.total()
        await until(lambda: self.ended.total() > before + CALLS)

    async def answered_by(self, instance: str) -> None:
        """Wait for an answer of this instance."""
        before = self.served_by[instance]
        await until(lambda: self.served_by[instance] > before)

    async def _call(self) -> None:
        try:
            response = await self.http.post("http://encrypt/encrypt", content=THROW_AWAY, headers=JSON)
            self.ended[f"status {response.status_code}"] += 1
            self.served_by[response.extensions["instance"]] += 1
        except httpx2.HTTPError as error:
            self.ended[type(error).__name__] += 1


@asynccontextmanager
async def calling(mesh: Mesh) -> AsyncIterator[Calling]:
    async with discovery.client(consul=mesh.consul_settings) as http, asyncio.TaskGroup() as group:
        calls = Calling(http)
        group.create_task(calls.keep_calling())
        await calls.more()
        yield calls
        calls.is_over = True


async def test_instances_are_killed_ended_held_and_restarted(mesh: Mesh) -> None:
    killed, ended, held = (one.id for one in mesh.instances())
    async with calling(mesh) as calls:
        for victim, number in ((killed, signal.SIGKILL), (ended, signal.SIGTERM)):
            mesh.signal(victim, number)
            await calls.more()
            await mesh.restart(victim)
            await calls.answered_by(victim)
        mesh.signal(held, signal.SIGSTOP)
        await calls.more()
        mesh.signal(held, signal.SIGCONT)
        await calls.answered_by(held)
    assert set(calls.ended) == {"status 200"}


async def test_the_registry_is_away_while_an_instance_is_killed_and_restarted(
    mesh: Mesh, shared_registry: Registry
) -> None:
    victim = mesh.instances()[0].id
    async with calling(mesh) as calls:
        shared_registry.kill()
        await calls.more()
        mesh.signal(victim, signal.SIGKILL)
        await calls.more()
        await mesh.restart(victim)
        await calls.answered_by(victim)
        await shared_registry.start()
        await mesh.ready()
        await calls.more()
    assert set(calls.ended) == {"status 200"}
