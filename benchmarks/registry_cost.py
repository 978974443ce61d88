"""What one gateway costs the registry: `python -m benchmarks.registry_cost [INSTANCES...]`

Registers services of so many instances each (10, 100 and 1000 unless told) with a real Consul, or with the embedded
registry where there is none, follows them with the gateway's own resolver through a relay that counts, and changes one
instance at a time. Prints a row for each size:

    queries     blocking queries that the gateway holds while nothing happens
    listing     bytes of one complete answer about a service; this also goes out whenever a query's wait is over
    change      bytes for one instance that restarts, on all queries together
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

from benchmarks.relay import Relay
from discovery.addresses import Forbidden
from discovery.consul import Consul
from discovery.documents import Registration
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.pool import Pool
from discovery.ports import free_ports
from discovery.probe import Probe
from discovery.registration import new_boot_id
from discovery.resolver import Resolver
from discovery.settings import ConsulSettings
from mesh.registry import Kind, command, consul_binary, describe, environment, wait_until_ready

SERVICES = 3
CHANGES = 10
AT_ONCE = 4
"""Registrations at a time."""

QUIET = 0.5
"""Seconds without a byte after which a change has been told."""


class Cost(NamedTuple):
    """One row. Sizes are bytes on the wire, heads included."""

    instances: int
    queries: int
    listing: int
    change: int


@asynccontextmanager
async def a_registry() -> AsyncIterator[int]:
    """The port of one that ends with the context."""
    kind: Kind = "consul" if consul_binary() else "embedded"
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as directory:
        process = started(kind, port, Path(directory))
        try:
            await wait_until_ready(f"127.0.0.1:{port}", seconds=30)
            yield port
        finally:
            process.kill()
            process.wait()


def started(kind: Kind, port: int, data_dir: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(kind, port, data_dir=data_dir),
        env={**os.environ, **environment(kind, port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def measure(registry: int, instances: int) -> Cost:
    """With services of so many instances each, and a gateway that follows them all."""
    random, told = Random(instances), asyncio.Event()
    async with at(registry) as consul:
        crowd = [registration(service, number, random) for service in range(SERVICES) for number in range(instances)]
        await register(consul, crowd)
        async with Relay("127.0.0.1", registry) as relay, followed(relay, told) as resolver:
            for service in range(SERVICES):
                await resolver.known(f"service-{service}")
            await silence(relay)
            queries, changes = relay.open, []
            for number in range(CHANGES):
                before = relay.received
                await consul.register(registration(0, number % instances, random))
                await told.wait()
                await silence(relay)
                told.clear()
                changes.append(relay.received - before)
            listing = await listing_size(relay)
    return Cost(instances, queries, listing, round(median(changes)))


@asynccontextmanager
async def followed(relay: Relay, told: asyncio.Event) -> AsyncIterator[Resolver]:
    """The gateway's way of following, through the relay."""

    def take(_: Pool) -> None:
        told.set()

    probe = Probe()
    async with (
        at(relay.port) as consul,
        Resolver(
            consul, probe,
            journal=Journal(), clock=time.monotonic, random=Random(), forbidden=Forbidden(), on_snapshot=take,
        ) as resolver,
    ):  # fmt: skip
        resolver.follow_routed()
        yield resolver
    await probe.aclose()


async def listing_size(relay: Relay) -> int:
    """Bytes of one complete answer about a service, asked for afresh."""
    before = relay.received
    async with at(relay.port) as fresh:
        await fresh.instances("service-0")
    return relay.received - before


async def silence(relay: Relay) -> None:
    """Return when nothing has come for a while."""
    seen = -1
    while relay.received != seen:
        seen = relay.received
        await asyncio.sleep(QUIET)


async def register(consul: Consul, crowd: list[Registration]) -> None:
    for first in range(0, len(crowd), AT_ONCE):
        await asyncio.gather(*(consul.register(each) for each in crowd[first : first + AT_ONCE]))


def registration(service: int, number: int, random: Random) -> Registration:
    """As a service of ours writes it, with a check that is never due."""
    name = f"service-{service}"
    meta = {
        "version": "1.2.3",
        "pid": str(random.randrange(2, 2**15)),
        "host": f"node-{random.getrandbits(32):08x}",
        "boot_id": new_boot_id(time.time(), random),
    }
    address = f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"
    tags = (f"urlprefix-/{name} replay=safe",)
    found = Instance(f"{name}-{number}", name, address, 8000, tags, meta)
    return Registration(found, f"http://{address}:8000/livez", interval=36_000, deregister_after=360_000)


def at(port: int) -> Consul:
    return Consul(ConsulSettings(http_addr=f"127.0.0.1:{port}", http_token=None, http_token_file=None))


async def main(sizes: list[int]) -> None:
    print(f"{SERVICES} services, one gateway; bytes as they go over the wire")
    print(f"{'':>16}{'instances':>10}{'queries':>10}{'listing':>10}{'each':>8}{'change':>10}")
    for size in sizes:
        async with a_registry() as port:
            kind, cost = await describe(f"127.0.0.1:{port}"), await measure(port, size)
        each = round(cost.listing / cost.instances)
        print(f"{kind:>16}{cost.instances:>10}{cost.queries:>10}{cost.listing:>10}{each:>8}{cost.change:>10}")


if __name__ == "__main__":
    asyncio.run(main([int(each) for each in sys.argv[1:]] or [10, 100, 1000]))
