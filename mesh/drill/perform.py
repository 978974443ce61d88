"""The frame of every drill: hold a load on a mesh, hurt something, see it heal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from discovery.consul import Consul
from mesh.admin import admin_at
from mesh.drill.drill import Drill
from mesh.drill.leftovers import leftovers, reached
from mesh.drill.measure import Told, outcome_of
from mesh.drill.outcome import Outcome
from mesh.drill.scene import Scene
from mesh.drill.sightings import Sightings
from mesh.errors import NotReady
from mesh.load import Load, post
from mesh.running import RunningMesh

CALM = 3.0
"""Seconds before the hurt: what is compared with what comes after."""

AFTER = 2.0
"""Seconds from the return on, in which what is healed may still show that it is not."""

WARM = 20
"""Answers of each instance before anything is measured: for the first one it has to derive a key."""

WARM_WITHIN = 30.0

HANG = 12.0
"""Seconds for one request: more than a gateway's deadline, so that its 504 is seen as one."""


async def perform(drill: Drill, mesh: RunningMesh, rate: float, seconds: float, tell: Callable[[str], None]) -> Outcome:
    """Hold one drill on a mesh that serves. Raises NotReady, NoGateway, RegistryError."""
    status = mesh.status()
    host, port = status.gateway_host, status.gateway_port
    async with (
        Consul(mesh.consul_settings) as consul,
        admin_at(status.admin_authority) as admin,
        _sightings(consul) as said,
        Load(host, port, rate=rate, request=post(host, port), timeout=HANG) as load,
    ):
        before = await _reached(drill, mesh)
        tell(f"{drill.name}: sending {rate:g} requests a second")
        await load.start()
        await _warm(load, mesh)
        await asyncio.sleep(drill.settle)
        calm_from = monotonic()
        await asyncio.sleep(CALM)
        tell(f"{drill.name}: {drill.what}")
        scene = Scene(mesh, load, consul, seconds)
        await drill.act(scene)
        await asyncio.sleep(AFTER)
        whole = await load.stop()
        told = Told(
            whole=whole,
            answers=load.answers,
            calm_from=calm_from,
            reached=await _reached(drill, mesh) - before,
            said=said,
            events=await admin.events(),
            leftovers=await leftovers(mesh),
        )
    return outcome_of(drill, scene, told)


async def _warm(load: Load, mesh: RunningMesh) -> None:
    """Until all have answered often, and all are in rotation. Raises NotReady."""
    expected = [one.id for one in mesh.status().instances if one.service == "encrypt"]
    deadline = monotonic() + WARM_WITHIN
    while any(load.report().answered.get(one, 0) < WARM for one in expected):
        if monotonic() > deadline:
            raise NotReady(f"not all instances answer: {load.report().answered}")
        await asyncio.sleep(0.1)
    await mesh.until_ready(lambda _: None)


@asynccontextmanager
async def _sightings(consul: Consul) -> AsyncIterator[Sightings]:
    said = Sightings()
    keeping = asyncio.create_task(said.keep(consul, "encrypt"))
    try:
        yield said
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _reached(drill: Drill, mesh: RunningMesh) -> float:
    """Nothing where nobody wants to know: an instance that is down could not even be asked."""
    if drill.limits.load is None:
        return 0.0
    return await reached(one.port for one in mesh.status().instances if one.service == "encrypt")
