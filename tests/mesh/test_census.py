"""Who is there: registry, gateway and supervisor side by side."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

import pytest

from discovery.instance import Health, Instance
from mesh.admin import Seen
from mesh.census import census, registered, unregistered
from mesh.commands.ps import age
from mesh.errors import NoRegistry
from mesh.ports import free_port
from mesh.supervisor import Running
from mesh.target import Registry, registry_of
from tests.mesh.registry import registry

BEGAN = 1_795_400_000.0
BOOT = f"{int(BEGAN * 1000):012x}" + "0123456789abcdef"


def entry(meta: dict[str, str] | None = None, health: Health = "passing") -> Instance:
    return Instance("echo-1", "echo", "127.0.0.1", 4000, meta=meta or {}, health=health)


def running(**changes: Any) -> Running:
    usual: dict[str, Any] = {
        "id": "echo-2",
        "service": "echo",
        "port": 4001,
        "state": "down",
        "pid": None,
        "starts": 1,
        "started_at": BEGAN,
        "short_lives": 0,
        "last_end": "SIGKILL",
        "log": "",
    }
    return Running(**{**usual, **changes})


def test_an_entry_with_everything() -> None:
    meta = {"pid": str(os.getpid()), "host": socket.gethostname(), "version": "1.2", "boot_id": BOOT}
    now = time.time()
    alive = {**meta, "boot_id": f"{int(now * 1000):012x}" + "0123456789abcdef"}
    (row,) = registered([entry(alive)], {("echo-1", alive["boot_id"]): Seen(False, "ejected")}, now=now + 12)
    assert (row.service, row.id, row.address, row.health) == ("echo", "echo-1", "127.0.0.1:4000", "passing")
    assert (row.pid, row.version, row.in_rotation, row.why) == (os.getpid(), "1.2", False, "ejected")
    assert row.age == pytest.approx(12, abs=0.01)


def test_an_entry_that_others_made_says_little() -> None:
    (row,) = registered([entry({"pid": "x" * 5})], {}, now=BEGAN)
    assert (row.pid, row.age, row.version, row.in_rotation, row.health) == (None, None, None, None, "passing")


def test_an_entry_whose_process_is_gone_is_a_ghost() -> None:
    gone = {"pid": "4194304", "host": socket.gethostname(), "boot_id": BOOT}
    (row,) = registered([entry(gone, "critical")], {}, now=BEGAN + 1)
    assert row.health == "ghost"


def test_what_the_mesh_holds_down_is_shown_though_the_registry_does_not_know_it() -> None:
    (row,) = unregistered([entry()], [running(), running(id="echo-1"), running(id="registry", service="registry")])
    assert (row.id, row.health, row.pid, row.in_rotation) == ("echo-2", "down", None, False)
    assert "SIGKILL" in (row.why or "")


async def test_a_census_is_a_json_document() -> None:
    async with registry(entry(), version="1.20.1-devagent") as there:
        address = f"127.0.0.1:{there.port}"
        document = json.loads(json.dumps((await census(registry_of(None, address), None)).as_json()))
    assert document["registry_is"] == "embedded"
    assert [one["id"] for one in document["instances"]] == ["echo-1"]


async def test_no_registry_is_said() -> None:
    where: Registry = registry_of(None, f"127.0.0.1:{free_port()}")
    with pytest.raises(NoRegistry, match="no registry answers"):
        await census(where, None)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.4, "0s"), (59, "59s"), (61, "1m"), (7300, "2h"), (172_800, "2d")]
)
def test_an_age_is_in_the_largest_unit_that_fits(seconds: float | None, text: str) -> None:
    assert age(seconds) == text
