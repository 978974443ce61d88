"""The frame of every drill: hold a load on a mesh, hurt something, see it heal; and see what the gateway holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from discovery.consul import Consul
from mesh.admin import admin_at
from mesh.drill.drill import Drill, Pace
from mesh.drill.leftovers import at_rest, growth, reached
from mesh.drill.measure import Told, count_excused, found_wrong, outcome_of
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


async def perform(drill: Drill, mesh: RunningMesh, pace: Pace, tell: Callable[[str], None]) -> Outcome:
    """Hold one drill on a mesh that serves. Raises NotReady, NoGateway, RegistryError."""
    warm = pace.rehearsals > 0
    async with (
        Consul(mesh.consul_settings) as consul,
        admin_at(mesh.status().admin_authority) as admin,
        _sightings(consul) as said,
    ):
        frame = Frame(drill, mesh, consul, pace, tell)
        if warm:
            await frame.rehearse()
        before = await at_rest(mesh, warm=warm)
        told = await frame.hold(pace.times)
        events = await admin.events()
        tell(f"{drill.name}: looking for what is left over")
        return outcome_of(drill, told, said, events, await growth(mesh, before, warm=warm))


class Frame:
    """Each `hold` is a load of its own."""

    def __init__(
        self, drill: Drill, mesh: RunningMesh, consul: Consul, pace: Pace, tell: Callable[[str], None]
    ) -> None:
        self._drill = drill
        self._mesh = mesh
        self._consul = consul
        self._pace = pace
        self._tell = tell

    async def rehearse(self) -> None:
        """Raises NotReady if it goes wrong already."""
        told = await self.hold(self._pace.rehearsals, " (a rehearsal)")
        wrongs = list(found_wrong(told.scenes))
        if failed := told.whole.failed - count_excused(self._drill, told):
            wrongs.append(f"{failed} requests failed ({told.whole.failures})")
        if wrongs:
            raise NotReady(f"the rehearsal went wrong: {', '.join(wrongs)}")
        self._tell(f"{self._drill.name}: waiting until the gateway is at rest")

    async def hold(self, times: int, what: str = "") -> Told:
        status = self._mesh.status()
        host, port = status.gateway_host, status.gateway_port
        async with Load(host, port, rate=self._pace.rate, request=post(host, port), timeout=HANG) as load:
            before = await self._reached()
            self._tell(f"{self._drill.name}: sending {self._pace.rate:g} requests a second{what}")
            await load.start()
            await _warm(load, self._mesh)
            await asyncio.sleep(self._drill.settle)
            calm_from = monotonic()
            await asyncio.sleep(CALM)
            scenes = [
                await self._act(load, turn, f" ({turn + 1} of {times})" if times > 1 else "") for turn in range(times)
            ]
            await asyncio.sleep(AFTER)
            await self._mesh.until_ready(
                lambda _: None
            )  # who is out needs requests to come back, and is probed so long
            whole = await load.stop()
        return Told(whole, load.answers, calm_from, scenes, await self._reached() - before)

    async def _act(self, load: Load, turn: int, which: str) -> Scene:
        self._tell(f"{self._drill.name}: {self._drill.what}{which}")
        scene = Scene(self._mesh, load, self._consul, self._pace.seconds, turn)
        await self._drill.act(scene)
        return scene

    async def _reached(self) -> float:
        """Nothing where nobody wants to know: an instance that is down could not even be asked."""
        if self._drill.limits.load is None:
            return 0.0
        return await reached(one.port for one in self._mesh.status().instances if one.service == "encrypt")


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
