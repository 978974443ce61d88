"""The README's two programs, copied from it, run, and reached."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from mesh.calling import Caller
from mesh.ports import free_port
from mesh.program import Program
from tests.e2e.meshes import Mesh, until
from tests.readme import programs

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SERVICE, CALLER = programs()


def saved(directory: Path, name: str, program: str) -> str:
    path = directory / name
    path.write_text(program)
    return str(path)


async def test_a_service_of_ones_own_is_reached_without_a_restart_of_the_gateway(mesh: Mesh, tmp_path: Path) -> None:
    hello = saved(tmp_path, "hello.py", SERVICE)
    environment = {**mesh.fleet.inherited, "CONSUL_HTTP_ADDR": mesh.fleet.registry_address}
    added = ["hello-1", "hello-2"]
    for name in added:
        mesh.supervisor.add(
            Program(name, "hello", (sys.executable, hello), free_port(), env=environment, port_variable="SERVICE_PORT")
        )
    served_by: set[str] = set()
    async with Caller(mesh.fleet.gateway_host, mesh.fleet.gateway_port) as caller:

        async def both_have_answered() -> bool:
            said = await caller.call("GET", "/hello")
            if said.is_success:
                assert json.loads(said.body) == "hello"
                served_by.add(said.served_by or "")
            return len(served_by) == len(added)

        await until(both_have_answered)
    assert [one.starts for one in mesh.supervisor.running() if one.service == "gateway"] == [1]
    for name in added:
        await mesh.supervisor.remove(name)


async def test_a_program_calls_a_service_by_its_name(mesh: Mesh, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, saved(tmp_path, "caller.py", CALLER)),
        env={**mesh.fleet.inherited, "CONSUL_HTTP_ADDR": mesh.fleet.registry_address},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"v1.")
