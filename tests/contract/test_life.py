"""The registry as a process: what it says it is, how it ends, and that it begins empty."""

from __future__ import annotations

import asyncio
from signal import SIGKILL, SIGTERM, Signals

import httpx2
import pytest

from mesh.registry import describe
from tests.contract.asking import Asking
from tests.registries import Registry


async def test_it_says_what_it_is(ask: Asking, registry: Registry) -> None:
    itself = (await ask.get("/v1/agent/self")).value
    assert ("devagent" in itself["Config"]["Version"]) is (registry.kind == "embedded")
    assert itself["Config"]["Datacenter"] == "dc1"
    assert itself["Member"]["Name"] == itself["Config"]["NodeName"]
    assert (await describe(registry.address)).split()[0] == registry.kind


async def test_it_knows_a_leader(ask: Asking) -> None:
    assert (await ask.get("/v1/status/leader")).value


@pytest.mark.parametrize("signal", [SIGTERM, SIGKILL])
async def test_after_a_restart_it_knows_nobody(ask: Asking, registry: Registry, signal: Signals) -> None:
    await ask.register("a")
    await registry.stop(signal)
    with pytest.raises(httpx2.TransportError):
        await ask.http.get("/v1/status/leader")
    await registry.start()
    assert (await ask.health("a")).value == []
    assert (await ask.http.get("/v1/agent/service/a")).status_code == 404
    await ask.register("a")


async def test_the_index_goes_backwards_with_a_restart(ask: Asking, registry: Registry) -> None:
    for number in range(30):
        await ask.register("a", Port=number)
    known = await ask.index("a")
    await registry.stop()
    await registry.start()
    await ask.register("a")
    assert await ask.index("a") < known


async def test_who_waits_is_let_go_when_it_ends(ask: Asking, registry: Registry) -> None:
    await ask.register("a")
    known = await ask.index("a")
    waiting = asyncio.create_task(ask.health("a", index=known, wait="10m"))
    await asyncio.sleep(0.2)
    await registry.stop()
    await asyncio.wait([waiting])
    error = waiting.exception()
    assert error is None or isinstance(error, httpx2.TransportError)
    assert not isinstance(error, httpx2.TimeoutException)
