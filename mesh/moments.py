"""The moments of an instance's end and return, as others notice them; None for one that does not come in time."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar

from discovery.consul import Consul
from discovery.errors import RegistryError
from discovery.instance import Instance
from mesh.admin import Admin, Happened
from mesh.catalog import until
from mesh.errors import NoGateway
from mesh.report import Answer

Value = TypeVar("Value")

PATIENCE = 30.0
"""Seconds for one moment to come: far more than any takes that comes at all."""

LOOK_EVERY = 0.002

OUT = frozenset({"instance_ejected", "instance_dropped"})

CLOCK_STEP = timedelta(milliseconds=1)
"""A gateway tells its times in whole milliseconds."""


def puts_out(event: Happened) -> bool:
    """Whether a gateway stops using an instance with it: by what it saw itself, or because the registry was first."""
    return event.kind in OUT or (event.kind == "instance_health_changed" and event.health == "critical")


async def ejected(admin: Admin, instance: str, *, since: datetime) -> datetime | None:
    """When the gateway put it out of rotation, by its own account."""

    async def look() -> datetime | None:
        try:
            events = await admin.events()
        except NoGateway:
            return None
        happened = [event.at for event in events if event.instance == instance and puts_out(event)]
        return min((at for at in happened if at >= since - CLOCK_STEP), default=None)

    return await _first(look, every=0.02)


async def critical(consul: Consul, service: str, instance: str) -> float | None:
    """When (monotonic) the registry called it critical; learnt by a blocking query, so at once."""

    def is_critical(instances: Sequence[Instance]) -> bool:
        return any(one.id == instance and one.health == "critical" for one in instances)

    with suppress(TimeoutError, RegistryError):
        async with asyncio.timeout(PATIENCE):
            await until(consul, service, is_critical)
            return monotonic()
    return None


async def port_opened(host: str, port: int) -> float | None:
    """When (monotonic) the first connection to it succeeded."""

    async def look() -> float | None:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return None
        opened = monotonic()
        writer.close()
        return opened

    return await _first(look)


async def answered(answers: Sequence[Answer], instance: str, *, since: float) -> float | None:
    """When (monotonic) a client had the first answer from it after `since`; `answers` may be growing.

    They are in the order in which they came: of a long run, only the last need be looked at.
    """
    seen = bisect_left(answers, since, key=lambda answer: answer.finished_at)

    async def look() -> float | None:
        nonlocal seen
        new, seen = answers[seen:], len(answers)
        its_own = (answer.finished_at for answer in new if answer.served_by == instance and not answer.error)
        return min(its_own, default=None)

    return await _first(look)


async def _first(look: Callable[[], Awaitable[Value | None]], *, every: float = LOOK_EVERY) -> Value | None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while (found := await look()) is None:
                await asyncio.sleep(every)
            return found
    return None
