"""The moments (monotonic) of a registry's return; None for one that does not come in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from time import monotonic

from discovery.consul import Consul
from discovery.errors import RegistryError
from mesh.catalog import everyone
from mesh.moments import PATIENCE

LOOK_EVERY = 0.01


async def answers(consul: Consul) -> float | None:
    """When it first answered a question about services, and so has a leader."""

    async def does() -> bool:
        await consul.services()
        return True

    return await _when(does)


async def all_registered(consul: Consul, instances: Collection[str]) -> float | None:
    """When it knew all of these."""

    async def are() -> bool:
        return {one.id for one in await everyone(consul)} >= set(instances)

    return await _when(are)


async def _when(true: Callable[[], Awaitable[bool]]) -> float | None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(RegistryError):
                    if await true():
                        return monotonic()
                await asyncio.sleep(LOOK_EVERY)
    return None
