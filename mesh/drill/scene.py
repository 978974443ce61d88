"""A mesh under load, and what can be done to it; what is done is noted with its moment."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx2

from discovery.consul import Consul
from mesh import moments
from mesh.drill.recovery import all_registered, answers
from mesh.drill.stranger import Stranger
from mesh.errors import NotReady
from mesh.load import Load
from mesh.running import RunningMesh

LOOK_EVERY = 0.002

ENDS_WITHIN = 30.0
"""Seconds: a second of linger and up to 20 of draining, and some to spare."""


@dataclass(frozen=True, slots=True)
class Return:
    """An instance that came back: when its port opened, if it had been closed, or when it was healed, if it had been
    there all the time; and when a client had an answer."""

    instance: str
    opened_at: float | None
    answered_at: float | None
    healed_at: float | None = None


class Scene:
    """`seconds`: how long what is hurt stays so. Moments are on the monotonic clock, None until they come.

    Where something is done several times in a row, each `turn` has a scene, and a victim, of its own.
    """

    def __init__(self, mesh: RunningMesh, load: Load, consul: Consul, seconds: float, turn: int = 0) -> None:
        self.mesh = mesh
        self.instances = tuple(one.id for one in mesh.status().instances if one.service == "encrypt")
        self.victim = self.instances[-1 - turn % len(self.instances)]
        self.hurt_at: float | None = None
        self.registry_answered_at: float | None = None
        self.all_registered_at: float | None = None
        self.returns: list[Return] = []
        self.complaints: list[str] = []
        self._load = load
        self._consul = consul
        self._seconds = seconds

    def begin(self) -> None:
        """From now on something is wrong."""
        self.hurt_at = self.hurt_at or monotonic()

    async def hold(self) -> None:
        await asyncio.sleep(self._seconds)

    # Instances

    def signal(self, instance: str, number: signal.Signals) -> None:
        """What it ends stays down."""
        self.begin()
        self.mesh.signal(instance, number)

    async def until_down(self, instance: str) -> None:
        """Raises NotReady."""
        deadline = monotonic() + ENDS_WITHIN
        while self.mesh.one(instance).state != "down":
            if monotonic() > deadline:
                raise NotReady(f"{instance} does not end")
            await asyncio.sleep(LOOK_EVERY)

    async def restart(self, instance: str) -> None:
        """End it if it runs, start it, and wait for a client to have an answer from the new process."""
        self.begin()
        again = await self.mesh.restart(instance)
        await self.arrives(instance, again.port)

    async def arrives(self, instance: str, port: int) -> None:
        since = monotonic()
        opened = await moments.port_opened("127.0.0.1", port)
        self.returns.append(Return(instance, opened, await self._answered(instance, since)))

    async def wake(self, instance: str) -> None:
        """Let go of one that was stopped."""
        since = monotonic()
        self.mesh.signal(instance, signal.SIGCONT)
        await self._healed(instance, since)

    async def make(self, instance: str, **condition: Any) -> None:
        """Make it sick, slow or flaky, by the fault switch of the encrypt service."""
        self.begin()
        await self._put_faults(instance, condition)

    async def heal(self, *instances: str) -> None:
        """All of them, before an answer of any counts."""
        await asyncio.gather(*(self._put_faults(each, {}) for each in instances))
        since = monotonic()
        await asyncio.gather(*(self._healed(each, since) for each in instances))

    async def scale(self, wanted: int) -> list[tuple[str, int]]:
        """IDs and ports of those that were added."""
        self.begin()
        added, _ = await self.mesh.scale("encrypt", wanted)
        return [(instance, self.mesh.one(instance).port) for instance in added]

    async def take_over_the_port_of(self, instance: str) -> Stranger:
        """The instance must be down. Raises OSError."""
        return await Stranger.on(self.mesh.one(instance).port)

    # The registry

    def kill_registry(self) -> None:
        self.signal("registry", signal.SIGKILL)

    async def restart_registry(self) -> None:
        """Start it again, and wait until it knows all."""
        await self.until_down("registry")
        await self.mesh.restart("registry")
        self.registry_answered_at = await answers(self._consul)
        everyone = {one.id for one in await self.mesh.services()}
        self.all_registered_at = await all_registered(self._consul, everyone)

    async def _healed(self, instance: str, since: float) -> None:
        self.returns.append(Return(instance, None, await self._answered(instance, since), since))

    async def _answered(self, instance: str, since: float) -> float | None:
        return await moments.answered(self._load.answers, instance, since=since)

    async def _put_faults(self, instance: str, condition: dict[str, Any]) -> None:
        url = f"http://127.0.0.1:{self.mesh.one(instance).port}/faults"
        try:
            async with httpx2.AsyncClient(trust_env=False) as http:
                (await http.put(url, json=condition)).raise_for_status()
        except httpx2.HTTPError as error:
            raise NotReady(f"{instance} cannot be made sick: {type(error).__name__}") from error
