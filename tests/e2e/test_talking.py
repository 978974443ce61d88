"""What outlasts a request: events and a WebSocket of a FastAPI service, through the gateway, for real clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import httpx2
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from tests.discovery.processes import served
from tests.e2e.meshes import a_mesh_of_nobody, until
from tests.registries import Registries

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DEADLINE = 2.0
"""Seconds that the gateway gives an answer's head: everything here lasts longer."""


@pytest_asyncio.fixture(loop_scope="session")
async def address(registries: Registries, tmp_path: Path) -> AsyncIterator[str]:
    """Of a gateway through which the talking service can be reached."""
    registry = await registries.take("embedded")
    async with (
        a_mesh_of_nobody(registry, tmp_path, {"GATEWAY_DEADLINE": str(DEADLINE)}) as mesh,
        served("tests.e2e.chat", CONSUL_HTTP_ADDR=registry.address),
    ):
        await mesh.start_services(encrypt=0)
        found = f"{mesh.fleet.gateway_host}:{mesh.fleet.gateway_port}"
        await until(lambda: answers(f"http://{found}/chat/events?count=1&every=0"))
        yield found
    await registries.give_back(registry)


async def answers(url: str) -> bool:
    async with httpx2.AsyncClient(trust_env=False) as http:
        try:
            return (await http.get(url)).status_code == 200
        except httpx2.HTTPError:
            return False


async def test_events_come_one_by_one_for_longer_than_the_deadline(address: str) -> None:
    came: list[tuple[str, float]] = []
    async with (
        httpx2.AsyncClient(trust_env=False) as http,
        http.stream("GET", f"http://{address}/chat/events?count=20&every=0.25") as response,
    ):
        async for line in response.aiter_lines():
            if line:
                came.append((line, monotonic()))
    assert [line for line, _ in came] == [f"data: {number}" for number in range(20)]
    assert came[-1][1] - came[0][1] > 2 * DEADLINE


async def test_a_websocket_echoes_for_longer_than_the_deadline(address: str) -> None:
    began = monotonic()
    async with connect(f"ws://{address}/chat/echo", proxy=None) as socket:
        while monotonic() - began < 3 * DEADLINE:
            for message in ("hello", "x" * 100_000, "grüße"):
                await socket.send(message)
                assert await socket.recv() == message
        pong = await socket.ping(b"are you there")
        await pong
    assert socket.close_code == 1000
