"""Instances and gateways start in any order, without a registry, and without being told who they are."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

import pytest

from mesh.calling import Caller
from mesh.errors import NoGateway
from mesh.fleet import Fleet
from mesh.load import THROW_AWAY
from mesh.program import Program
from tests.e2e.meshes import a_mesh_of_nobody, until
from tests.registries import Registry

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def answers(port: int, status: int) -> bool:
    """Whether an ordinary request to this port gets an answer with this status."""
    async with Caller("127.0.0.1", port) as caller:
        try:
            return (await caller.call("POST", "/encrypt", THROW_AWAY)).status == status
        except NoGateway:
            return False


async def test_all_serve_without_a_registry_and_are_found_when_it_appears(absent: Registry, tmp_path: Path) -> None:
    async with a_mesh_of_nobody(absent, tmp_path) as mesh:
        await mesh.start_services(encrypt=2)
        await asyncio.gather(*(until(partial(answers, one.port, 200)) for one in mesh.instances()))
        gateway = mesh.fleet.gateway_port
        await until(partial(answers, gateway, 503))
        await absent.start()
        await mesh.ready()
        assert await answers(gateway, 200)
        assert {one.starts for one in mesh.supervisor.running()} == {1}


def nameless(fleet: Fleet, number: int) -> Program:
    """An instance that is told neither its ID nor its port."""
    env = {**fleet.inherited, "CONSUL_HTTP_ADDR": fleet.registry_address}
    return Program(f"nameless-{number}", "encrypt", (sys.executable, "-m", "services.encrypt"), port=0, env=env)


async def test_instances_that_are_told_nothing_share_no_id_and_no_port(absent: Registry, tmp_path: Path) -> None:
    await absent.start()
    async with a_mesh_of_nobody(absent, tmp_path) as mesh:
        for number in range(3):
            mesh.supervisor.add(nameless(mesh.fleet, number))

        async def three_are_there() -> bool:
            return len(await mesh.entries()) == 3  # an ID that two have is one entry

        await until(three_are_there)
        assert len({one.port for one in await mesh.entries()}) == 3
        assert all([await answers(one.port, 200) for one in await mesh.entries()])
