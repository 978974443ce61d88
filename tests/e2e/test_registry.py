"""The registry is killed under load, comes back empty, or stays away: what was known before still holds."""

from __future__ import annotations

import asyncio
import signal
from time import monotonic

import pytest

from tests.e2e.meshes import Mesh, serves_again, until
from tests.registries import Registry

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

AWAY = 30.0
"""Seconds: long enough for every question to the registry that was open, and for what is tried again."""


async def is_known(mesh: Mesh) -> bool:
    return {one.id for one in await mesh.entries()} == {one.id for one in mesh.supervisor.running()}


async def test_killed_and_started_again_empty(mesh: Mesh, shared_registry: Registry) -> None:
    async with mesh.load() as load:
        shared_registry.kill()
        await shared_registry.start()
        await until(lambda: is_known(mesh))
        await mesh.ready()
        report = await load.stop()
    assert report.failures == {}


async def test_away_for_half_a_minute_in_which_an_instance_is_killed_and_started_again(
    mesh: Mesh, shared_registry: Registry
) -> None:
    victim = mesh.instances()[0].id
    async with mesh.load() as load:
        shared_registry.kill()
        away_since = monotonic()
        mesh.signal(victim, signal.SIGKILL)
        await until(lambda: mesh.one(victim).state == "down")
        await mesh.restart(victim)
        assert await serves_again(load, victim, since=monotonic())
        await asyncio.sleep(away_since + AWAY - monotonic())
        await shared_registry.start()
        await until(lambda: is_known(mesh))
        await mesh.ready()
        report = await load.stop()
    assert report.failures == {}
