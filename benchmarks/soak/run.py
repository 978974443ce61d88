"""The same storm twice on one gateway: what the second leaves that the first did not, it leaves each time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from benchmarks.charge import peak_memory
from benchmarks.peers.ours import start_gateway, start_registry
from benchmarks.soak.clients import Patient, trickle, vanish_all
from benchmarks.soak.leftovers import QUIET_WITHIN, Leftovers, Subject, leftovers_once_quiet
from benchmarks.soak.tally import Tally
from benchmarks.stage import Stage
from benchmarks.workload import MEBIBYTE
from discovery.ports import free_ports

PROGRAM = Path(__file__).with_name("echo.py")
INSTANCES = 3

REQUESTS, VANISHING = 100_000, 10_000
"""Of patient clients, and of those that leave in the middle; half of them in each storm."""

PATIENT_AT_ONCE, VANISHING_AT_ONCE = 32, 50
UPLOADS_AT_ONCE, UPLOADS_EACH = 100, 10
SLOW_SIZE, SLOW_RATE = 32 * MEBIBYTE, 10
SEED = 20_240_607


@dataclass(slots=True)
class Soak:
    """`idle`: before anything was asked. `peak_mb` is the gateway's over all."""

    idle: Leftovers
    first: Leftovers
    second: Leftovers
    storms: Tally
    seconds: float
    uploads: Tally = field(default_factory=Tally)
    slow_read: int = 0
    peak_mb: float = 0.0


async def measure_soak(
    stage: Stage, share: float, tell: Callable[[str], None], *, patience: float = QUIET_WITHIN
) -> Soak:
    """`share` of all requests; `patience`: seconds that the gateway may take to be quiet. Raises CannotMeasure."""
    tell("starting registry, instances and gateway")
    subject = await _start(stage)
    idle = await leftovers_once_quiet(subject, patience)
    random, storms, began = Random(SEED), Tally(), monotonic()
    tell("first storm")
    await _storm(subject.port, share / 2, random, storms)
    first = await leftovers_once_quiet(subject, patience)
    tell("second storm")
    await _storm(subject.port, share / 2, random, storms)
    second = await leftovers_once_quiet(subject, patience)
    found = Soak(idle, first, second, storms, monotonic() - began)
    tell(f"{UPLOADS_AT_ONCE} uploads at once, beside a slow reader")
    found.slow_read = await _uploads(subject.port, max(1, round(UPLOADS_EACH * share)), random, found.uploads)
    found.peak_mb = peak_memory(subject.pid) / 1e6
    return found


async def _start(stage: Stage) -> Subject:
    registry = await start_registry(stage)
    ports = free_ports(INSTANCES)
    for number, port in enumerate(ports, start=1):
        env = {"SERVICE_ID": f"echo-{number}", "SERVICE_PORT": str(port), "CONSUL_HTTP_ADDR": registry}
        argv = [sys.executable, str(PROGRAM)]
        await stage.start(f"echo-{number}", argv, core=stage.cores.load, port=port, path="/livez", env=env)
    port, admin, pid = await start_gateway(stage, registry, "/echo")
    return Subject(pid, port, admin, ports)


async def _storm(port: int, share: float, random: Random, tally: Tally) -> None:
    numbers, vanishing = iter(range(int(REQUESTS * share))), iter(range(int(VANISHING * share)))
    async with asyncio.TaskGroup() as group:
        for _ in range(PATIENT_AT_ONCE):
            group.create_task(Patient(port, random, tally).ask_all(numbers))
        for _ in range(VANISHING_AT_ONCE):
            group.create_task(vanish_all(port, vanishing, random, tally))


async def _uploads(port: int, times: int, random: Random, tally: Tally) -> int:
    """Bytes that the slow reader got meanwhile."""
    slow = asyncio.create_task(trickle(port, size=SLOW_SIZE, bytes_a_second=SLOW_RATE))
    async with asyncio.TaskGroup() as group:
        for _ in range(UPLOADS_AT_ONCE):
            group.create_task(_upload(Patient(port, random, tally), times, random))
    slow.cancel()
    return await slow


async def _upload(client: Patient, times: int, random: Random) -> None:
    for _ in range(times):
        await client.ask(random.randbytes(MEBIBYTE))
    await client.leave()
