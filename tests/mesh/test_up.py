"""A mesh with the real services, as somebody would start it, hurt it and end it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mesh.ports import free_port, is_free
from tests.mesh.meshes import a_mesh, ps
from tests.mesh.typed import WITHIN, Shell
from tests.mesh.waiting import is_alive, until

pytestmark = pytest.mark.e2e


def processes(status: dict[str, Any]) -> list[int]:
    return [one["pid"] for one in status["instances"]]


async def test_a_mesh_is_started_called_hurt_healed_scaled_and_ended(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    async with a_mesh(shell, "--encrypt=2") as status:
        there = await ps(shell)
        assert list(there) == ["encrypt-1", "encrypt-2", "gateway-1"]
        assert {row["health"] for row in there.values()} == {"passing"}
        assert there["encrypt-1"]["in_rotation"]
        assert status["logs"].startswith(str(tmp_path))
        await until((Path(status["logs"]).parent / "known" / "gateway-1.json").exists)

        called = await shell.type("call", "encrypt", "--json", given='{"text": "hello", "key": "k"}')
        assert called.code == 0, called.err
        (answer,) = called.document["answers"]
        assert answer["served_by"] in there

        again = await shell.type("up", "--consul=embedded", f"--gateway-port={status['gateway_port']}")
        assert again.code == 1
        assert "is running already" in again.err

        os.kill(there["encrypt-1"]["pid"], signal.SIGKILL)
        healed = await shell.type("restart", "encrypt-1", "--json")  # waits until it serves, whoever started it
        assert healed.code == 0, healed.err

        killed = await shell.type("kill", "encrypt-2", "--json")
        assert killed.document == {
            "id": "encrypt-2",
            "pid": there["encrypt-2"]["pid"],
            "signal": "SIGKILL",
            "ours": True,
        }
        assert (await ps(shell))["encrypt-2"]["health"] == "ghost"
        restarted = await shell.type("restart", "encrypt-2", "--json")
        (one,) = restarted.document["restarted"]
        assert one["pid"] != there["encrypt-2"]["pid"]
        assert f"127.0.0.1:{one['port']}" == there["encrypt-2"]["address"]

        scaled = await shell.type("scale", "encrypt", "1", "--json")
        assert scaled.document["removed"] == ["encrypt-2"]
        scaled = await shell.type("scale", "encrypt", "3", "--json")
        assert scaled.document["added"] == ["encrypt-2", "encrypt-3"]

        ended = await shell.type("down", "--json")
        assert ended.code == 0, ended.err
        assert not is_alive(status["pid"])
        assert not any(map(is_alive, processes(ended.document["ended"])))
        assert all(is_free(one["port"]) for one in ended.document["ended"]["instances"])


async def test_a_killed_supervisor_leaves_nothing_and_another_mesh_starts_in_its_place(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    async with a_mesh(shell, "--encrypt=1") as status:
        os.kill(status["pid"], signal.SIGKILL)
        await until(lambda: not any(map(is_alive, processes(status))))
        assert all(is_free(one["port"]) for one in status["instances"])
        assert (await shell.type("down")).code == 1
        ports = (f"--consul-port={status['instances'][0]['port']}", f"--gateway-port={status['gateway_port']}")
        again = await shell.type("up", "--detach", "--json", "--consul=embedded", "--encrypt=1", *ports)
        assert again.code == 0, again.err
        assert (await shell.type("down", "--now")).code == 0


async def test_two_meshes_on_one_registry_share_no_name_and_no_port(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    async with (
        a_mesh(shell, "--encrypt=1") as first,
        a_mesh(shell, "--encrypt=1", f"--consul={first['registry']}") as second,
    ):
        assert {one["id"] for one in first["instances"]} == {"registry", "gateway-1", "encrypt-1"}
        assert {one["id"] for one in second["instances"]} == {"gateway-2", "encrypt-2"}
        several = await shell.type("restart", "encrypt-1")
        assert several.code == 1
        assert "say which with --gateway-port" in several.err
        foreign = await shell.type("kill", "encrypt-2", "--consul", first["registry"], "--json")
        assert foreign.document["ours"] is False
        victim = foreign.document["pid"]
        await until(lambda: not is_alive(victim))


async def test_ctrl_c_ends_everything_in_order(tmp_path: Path) -> None:
    process = await Shell(tmp_path).start(
        *("up", "--json", "--consul=embedded", "--encrypt=1"),
        *(f"--consul-port={free_port()}", f"--gateway-port={free_port()}"),
    )
    assert process.stdout is not None
    lines: list[dict[str, Any]] = []
    async with asyncio.timeout(WITHIN):
        while not lines or "ready" not in lines[-1]:
            lines.append(json.loads(await process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert process.returncode == 0, err
    ended = [line["instance"] for line in map(json.loads, out.splitlines()) if line["kind"] == "ended"]
    assert ended == ["encrypt-1", "gateway-1", "registry"]
