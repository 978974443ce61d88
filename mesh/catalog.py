"""The registry as the cockpit reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from discovery.consul import Consul
from discovery.errors import RegistryRefused
from discovery.instance import Instance

CONSUL_ITSELF = "consul"
"""The name under which Consul's servers register themselves."""

AT_ONCE = 16
"""Questions: an agent serves no more than 200 connections from one address, and instances need theirs."""


async def everyone(consul: Consul) -> list[Instance]:
    """Every instance of every service, by service and ID, whatever its health. Raises RegistryError."""
    at_once = asyncio.Semaphore(AT_ONCE)

    async def of(service: str) -> tuple[Instance, ...]:
        async with at_once:
            return (await consul.instances(service)).value

    services = (await consul.services()).value
    groups = await asyncio.gather(*(of(service) for service in services if service != CONSUL_ITSELF))
    found = [instance for group in groups for instance in group]
    return sorted(found, key=lambda instance: (instance.service, instance.id))


async def until(consul: Consul, service: str, true: Callable[[tuple[Instance, ...]], bool]) -> None:
    """Return as soon as it is true of the instances of `service`: asks, then waits for news. Raises RegistryError."""
    index = 0
    while True:
        answer = await consul.instances(service, index=index)
        if true(answer.value):
            return
        index = answer.index if answer.index > index else 0
        await asyncio.sleep(0.01)


async def describe(consul: Consul) -> str:
    """`embedded`, `consul <version>`, or `consul` from an agent that tells strangers no more. Raises RegistryError."""
    try:
        version = await consul.version()
    except RegistryRefused:
        return "consul"
    return "embedded" if "devagent" in version else f"consul {version}"
