"""Hold drills one after the other, each on a mesh of its own, so that none begins with what another left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from discovery.errors import DiscoveryError
from discovery.settings import load
from mesh import settings
from mesh.choice import Choice, choose_here
from mesh.drill.drill import Drill, Needs, Pace
from mesh.drill.outcome import Outcome, too_slow, wrong
from mesh.drill.perform import perform
from mesh.errors import MeshError
from mesh.fleet import fleet_for
from mesh.leaving import Leaving
from mesh.names import taken
from mesh.ports import free_port
from mesh.running import RunningMesh
from mesh.settings import GatewaySettings
from mesh.supervisor import Supervisor

INSTANCES = 3


@dataclass(frozen=True, slots=True)
class DrillWish:
    """What was asked for."""

    consul: str
    drills: Sequence[Drill]
    pace: Pace
    strict: bool


@dataclass(frozen=True, slots=True)
class Held:
    """How a drill ended: with an outcome, or not held for a reason. `faults` make it a failure; `registry` is what
    it was held on: `embedded`, or `consul <version>`."""

    drill: Drill
    registry: str = ""
    outcome: Outcome | None = None
    not_held: str | None = None
    faults: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        measured = self.outcome.as_json() if self.outcome else {"drill": self.drill.name}
        return {
            **measured,
            "registry": self.registry or None,
            "not_held": self.not_held,
            "faults": list(self.faults),
            "passed": None if self.not_held else not self.faults,
        }


class Audience(Protocol):
    def step(self, text: str) -> None:
        """What is being done now."""

    def held(self, held: Held) -> None:
        """A drill is over."""


class Series:
    """`held` grows while it runs."""

    def __init__(self, wish: DrillWish, runtime: Path, logs: Path, audience: Audience) -> None:
        self.held: list[Held] = []
        self._wish = wish
        self._runtime = runtime
        self._logs = logs
        self._audience = audience
        self._meshes: list[RunningMesh] = []

    async def run(self) -> bool:
        """Whether it came to its end; not if it was interrupted. Raises MeshError when there is no registry to use."""
        leaving = Leaving(hurry=self._hurry)
        leaving.at_signals()
        return await leaving.unless(self._hold_all())

    async def _hold_all(self) -> None:
        for drill in self._wish.drills:
            choice = await choose_here(self._wish.consul, port=None)
            held = await self._hold(drill, choice)
            self.held.append(held)
            self._audience.held(held)

    async def _hold(self, drill: Drill, choice: Choice) -> Held:
        if (why := why_not(drill, choice)) is not None:
            return Held(drill, not_held=why)
        # Only where times are judged is it worth waiting until callers know how quick answers are.
        as_held = drill if self._wish.strict else replace(drill, settle=0.0)
        try:
            async with self._mesh(drill, choice) as mesh:
                outcome = await perform(as_held, mesh, self._wish.pace, self._audience.step)
                registry = mesh.status().registry_is
        except (MeshError, DiscoveryError, OSError) as error:
            return Held(drill, faults=(f"it could not be held: {error}",))
        faults = wrong(outcome, drill.limits) + (too_slow(outcome, drill.limits) if self._wish.strict else [])
        return Held(drill, registry, outcome, faults=tuple(faults))

    @asynccontextmanager
    async def _mesh(self, drill: Drill, choice: Choice) -> AsyncIterator[RunningMesh]:
        logs = self._logs / drill.name
        logs.mkdir(mode=0o700)
        mesh = a_mesh(drill, choice, self._runtime, logs)
        self._meshes.append(mesh)
        try:
            self._audience.step(f"{drill.name}: starting a mesh")
            await mesh.start_registry()
            await mesh.start_services(INSTANCES)
            await mesh.until_ready(lambda _: None)
            yield mesh
        finally:
            if choice.own:
                mesh.hurry()  # nobody else can be waiting for an orderly end
            await mesh.close()
            self._meshes.remove(mesh)

    def _hurry(self) -> None:
        for mesh in self._meshes:
            mesh.hurry()


def a_mesh(drill: Drill, choice: Choice, runtime: Path, logs: Path) -> RunningMesh:
    """Not started yet: with free ports, so that it runs beside anything, and services that can be made sick."""
    fleet = fleet_for(choice, load(GatewaySettings), free_port(), free_port())
    fleet = replace(fleet, inherited={**fleet.inherited, "ENCRYPT_FAULTS": "1", **drill.environment})
    if drill.needs is Needs.DATA:
        fleet = replace(fleet, registry_data=logs / "registry")
    consul = settings.consul_settings(fleet.registry_address, ours=fleet.own is not None)
    supervisor = Supervisor(logs, lambda _: None)
    return RunningMesh(fleet, supervisor, consul, logs, partial(taken, consul, runtime, but=None))


def why_not(drill: Drill, choice: Choice) -> str | None:
    """Why it cannot be held on this registry; None if it can."""
    if drill.needs is not Needs.INSTANCES and choice.own is None:
        return "the registry belongs to somebody else"
    if drill.needs is Needs.DATA and choice.own == "embedded":
        return "the embedded registry keeps no data: to it, this is consul-empty"
    return None
