"""The registry as the cockpit reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from discovery.consul import Consul
from discovery.errors import RegistryRefused
from discovery.instance import Instance

CONSUL_ITSELF = "consul"
"""The name under which Consul's servers register themselves."""


async def everyone(consul: Consul) -> list[Instance]:
    """Every instance of every service, by service and ID, whatever its health. Raises RegistryError."""
    services = (await consul.services()).value
    asked = [consul.instances(service) for service in services if service != CONSUL_ITSELF]
    found = [instance for answer in await asyncio.gather(*asked) for instance in answer.value]
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
