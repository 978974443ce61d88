"""The gateway is killed while the registry is away: the next one serves at once, from what the one before knew."""

from __future__ import annotations

import os
import signal
import stat
from collections import Counter
from pathlib import Path

import pytest

from mesh.calling import Caller
from mesh.drill.stranger import Stranger
from mesh.errors import NoGateway
from mesh.load import THROW_AWAY
from tests.e2e.meshes import Mesh, a_mesh, until
from tests.registries import Registry

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

GATEWAY = "gateway-1"

CALLS = 60


def kill_behind_the_supervisors_back(mesh: Mesh) -> None:
    pid = mesh.one(GATEWAY).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def call(mesh: Mesh) -> tuple[int, str]:
    """Status, and who has answered; 0 without an answer."""
    async with Caller(mesh.fleet.gateway_host, mesh.fleet.gateway_port) as caller:
        try:
            said = await caller.call("POST", "/encrypt", THROW_AWAY)
        except NoGateway:
            return 0, ""
    return said.status, said.served_by or ""


async def is_served(mesh: Mesh) -> bool:
    return (await call(mesh))[0] == 200


async def test_the_next_gateway_asks_who_is_still_there_and_serves(absent: Registry, tmp_path: Path) -> None:
    """One of those that it remembers is dead, and somebody else listens on its port."""
    await absent.start()
    async with a_mesh(absent, tmp_path) as mesh:
        gone, *others = mesh.instances()
        known = tmp_path / "known" / f"{GATEWAY}.json"
        await until(lambda: known.exists() and all(one.id in known.read_text() for one in (gone, *others)))
        assert stat.S_IMODE(known.stat().st_mode) == 0o600
        absent.kill()
        mesh.signal(gone.id, signal.SIGKILL)
        await until(lambda: mesh.one(gone.id).state == "down")
        stranger = await Stranger.on(mesh.one(gone.id).port)
        kill_behind_the_supervisors_back(mesh)
        await until(lambda: mesh.one(GATEWAY).starts == 2)

        await until(lambda: is_served(mesh))
        answers = Counter([await call(mesh) for _ in range(CALLS)])
        assert set(answers) == {(200, one.id) for one in others}
        assert stranger.requests == 0
        assert not absent.is_running
        await stranger.leave()
