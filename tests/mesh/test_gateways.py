"""Several gateways on one port: real processes, as somebody would start, kill and scale them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from mesh.load import Load, post
from tests.mesh.meshes import a_mesh, ps
from tests.mesh.typed import Shell
from tests.mesh.waiting import DEADLINE, is_alive, until

pytestmark = pytest.mark.e2e

RATE = 50.0


class Client:
    """One connection that stays open."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._port = port
        self._reader = reader
        self._writer = writer

    def is_at(self, gateway: int) -> bool:
        """Whether this process has taken the connection."""
        here = self._writer.get_extra_info("sockname")
        return any(each.raddr == here for each in psutil.Process(gateway).net_connections("tcp"))

    async def is_served(self) -> bool:
        """Whether the next request is answered, with a success; not if the connection breaks."""
        try:
            async with asyncio.timeout(DEADLINE):
                self._writer.write(post("127.0.0.1", self._port))
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
                await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        return head.startswith(b"HTTP/1.1 200 ")

    def leave(self) -> None:
        self._writer.transport.abort()


async def client(port: int) -> Client:
    return Client(port, *await asyncio.open_connection("127.0.0.1", port))


@asynccontextmanager
async def clients_of_each(port: int, gateways: Collection[int]) -> AsyncIterator[dict[int, Client]]:
    """A connection to each of these processes: the kernel chooses, so some are opened in vain."""
    found: dict[int, Client] = {}
    opened: list[Client] = []
    try:
        async with asyncio.timeout(DEADLINE):
            while set(found) != set(gateways):
                opened.append(await client(port))
                assert await opened[-1].is_served()
                found.update((pid, opened[-1]) for pid in gateways if opened[-1].is_at(pid))
        yield found
    finally:
        for each in opened:
            each.leave()


async def all_new_ones_are_served(port: int) -> bool:
    served = []
    for _ in range(20):
        new = await client(port)
        served.append(await new.is_served())
        new.leave()
    return all(served)


def pids(there: dict[str, dict[str, Any]], service: str) -> dict[str, int]:
    return {name: row["pid"] for name, row in there.items() if row["service"] == service}


async def test_a_gateway_that_is_killed_takes_only_its_own_connections_with_it(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    async with a_mesh(shell, "--encrypt=1", "--gateways=2") as status:
        port = status["gateway_port"]
        there = await ps(shell)
        gateways = pids(there, "gateway")
        first, second = gateways["gateway-1"], gateways["gateway-2"]
        assert {there[name]["address"] for name in gateways} == {f"127.0.0.1:{port}"}
        assert there["gateway-1"]["admin"] == f"127.0.0.1:{status['admin_port']}" != there["gateway-2"]["admin"]

        async with (
            clients_of_each(port, gateways.values()) as clients,
            Load("127.0.0.1", port, rate=RATE, request=post("127.0.0.1", port)) as load,
        ):
            await load.start()
            await until(lambda: len(load.answers) > RATE)
            assert load.report().failed == 0
            assert (await shell.type("kill", "gateway-2")).code == 0
            await until(lambda: not is_alive(second))
            assert not await clients[second].is_served()
            assert await clients[first].is_served()
            assert await all_new_ones_are_served(port)
            dead_at = asyncio.get_running_loop().time()  # and all that the load had there has broken
            await until(lambda: load.answers[-1].scheduled_at > dead_at + 1)
            assert not [answer for answer in load.answers if answer.scheduled_at > dead_at and answer.error]

        restarted = (await shell.type("restart", "gateway-2", "--json")).document["restarted"]
        assert [(one["id"], one["port"]) for one in restarted] == [("gateway-2", port)]
        again = await ps(shell)
        assert again["gateway-2"]["admin"] == there["gateway-2"]["admin"]
        async with clients_of_each(port, pids(again, "gateway").values()):
            pass


async def test_gateways_come_and_go_and_the_port_stays_the_meshs(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "else").mkdir(mode=0o700)
    elsewhere = Shell(tmp_path / "else")
    async with a_mesh(shell, "--encrypt=1") as status:
        port = status["gateway_port"]
        again = ("up", "--consul", status["registry"], f"--gateway-port={port}")
        for other, why in ((shell, "is running already"), (elsewhere, f"port {port} is in use")):
            refused = await other.type(*again)
            assert refused.code == 1
            assert why in refused.err

        assert (await shell.type("scale", "gateway", "2", "--json")).document["added"] == ["gateway-2"]
        gateways = pids(await ps(shell), "gateway")
        async with clients_of_each(port, gateways.values()) as clients:
            assert len(clients) == 2

        for gateway in gateways:
            assert (await shell.type("kill", gateway)).code == 0
        await until(lambda: not any(map(is_alive, gateways.values())))
        with pytest.raises(ConnectionRefusedError):
            await client(port)
        assert f"port {port} is in use" in (await elsewhere.type(*again)).err

        assert (await shell.type("restart", "gateway")).code == 0
        assert (await shell.type("scale", "gateway", "1", "--json")).document["removed"] == ["gateway-2"]
        assert await all_new_ones_are_served(port)
        assert list(pids(await ps(shell), "gateway")) == ["gateway-1"]
