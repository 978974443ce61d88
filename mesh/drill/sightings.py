"""What the registry said of a service, each time that it said something new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic

from discovery.consul import Consul
from discovery.errors import RegistryError
from discovery.instance import Instance

AGAIN_AFTER = 0.02
"""Seconds before a registry that gave no answer is asked again."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """All instances of a service, as they were `at` (monotonic)."""

    at: float
    instances: tuple[Instance, ...]

    def of(self, instance: str) -> Instance | None:
        return next((one for one in self.instances if one.id == instance), None)


class Sightings(list[Sighting]):
    """Grows while `keep` runs."""

    async def keep(self, consul: Consul, service: str) -> None:
        """Until cancelled, with blocking queries: news is a few milliseconds old."""
        index = 0
        while True:
            try:
                answer = await consul.instances(service, index=index)
            except RegistryError:
                index = 0
                await asyncio.sleep(AGAIN_AFTER)
                continue
            self.append(Sighting(monotonic(), answer.value))
            index = answer.index if answer.index > index else 0
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an instance's entry; moments are monotonic, None for what did not happen.

    `gone`: it is not there any more, or a newer process has its place. `registered`: it is there again.
    """

    critical: float | None
    gone: float | None
    registered: float | None


def fate(said: Sequence[Sighting], instance: str, since: float) -> Fate:
    """Of the entry that was there at the moment `since`, or of one that was to come then."""
    before = next((one.of(instance) for one in reversed(said) if one.at <= since), None)
    after = [one for one in said if one.at > since]
    if before is None:
        return Fate(None, None, _first(after, lambda one: one.of(instance) is not None))
    gone = _first(after, lambda one: _is_another(one.of(instance), before))
    later = [one for one in after if gone is not None and one.at >= gone]
    return Fate(
        critical=_first(after, lambda one: _is_critical(one.of(instance), before)),
        gone=gone,
        registered=_first(later, lambda one: one.of(instance) is not None),
    )


def _is_another(found: Instance | None, before: Instance) -> bool:
    return found is None or found.boot_id != before.boot_id


def _is_critical(found: Instance | None, before: Instance) -> bool:
    return found is not None and found.boot_id == before.boot_id and found.health == "critical"


def _first(said: Iterable[Sighting], true: Callable[[Sighting], bool]) -> float | None:
    return next((one.at for one in said if true(one)), None)
