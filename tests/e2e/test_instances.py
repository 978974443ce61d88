"""Instances are killed, ended, held and restarted under load, and no client sees any of it."""

from __future__ import annotations

import signal
from time import monotonic

import pytest

from mesh.drill.stranger import Stranger
from mesh.load import Load
from tests.e2e.meshes import Mesh, serves_again, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def is_down(mesh: Mesh, instance: str) -> None:
    await until(lambda: mesh.one(instance).state == "down")


async def is_left_out(mesh: Mesh, instance: str) -> bool:
    return not await mesh.uses(instance)


async def brought_back(mesh: Mesh, load: Load, instance: str) -> bool:
    """Restart it, and wait for a client's answer from the new process."""
    await mesh.restart(instance)
    return await serves_again(load, instance, since=monotonic())


async def test_one_killed_one_ended_and_all_restarted_in_turn(mesh: Mesh) -> None:
    first, second, third = mesh.instances()
    async with mesh.load() as load:
        mesh.signal(first.id, signal.SIGKILL)
        await is_down(mesh, first.id)
        assert await brought_back(mesh, load, first.id)
        mesh.signal(second.id, signal.SIGTERM)
        await is_down(mesh, second.id)
        assert await brought_back(mesh, load, second.id)
        for one in (first, second, third):
            assert await brought_back(mesh, load, one.id)
        report = await load.stop()
    assert report.failures == {}
    assert set(report.answered) == {first.id, second.id, third.id}


async def test_one_is_restarted_ten_times_in_a_row(mesh: Mesh) -> None:
    victim = mesh.instances()[0]
    async with mesh.load() as load:
        for _ in range(10):
            assert await brought_back(mesh, load, victim.id)
        report = await load.stop()
    assert report.failures == {}
    assert mesh.one(victim.id).starts == victim.starts + 10


async def test_one_comes_back_on_another_port_as_somebody_else_has_its_own(mesh: Mesh) -> None:
    victim = mesh.instances()[0]
    async with mesh.load() as load:
        mesh.signal(victim.id, signal.SIGKILL)
        await is_down(mesh, victim.id)
        stranger = await Stranger.on(victim.port)
        assert await brought_back(mesh, load, victim.id)
        report = await load.stop()
    await stranger.leave()
    assert report.failures == {}
    assert mesh.one(victim.id).port != victim.port
    assert stranger.requests <= 1


async def test_one_is_held_and_let_go_again(mesh: Mesh) -> None:
    victim = mesh.instances()[0].id
    async with mesh.load() as load:
        mesh.signal(victim, signal.SIGSTOP)
        await until(lambda: is_left_out(mesh, victim))
        mesh.signal(victim, signal.SIGCONT)
        assert await serves_again(load, victim, since=monotonic())
        report = await load.stop()
    assert report.failures == {}
