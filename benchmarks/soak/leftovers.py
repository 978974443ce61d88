"""What a gateway holds: sockets, file descriptors, memory, requests in flight, tasks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic

import httpx2
import psutil

from benchmarks.cores import CannotMeasure

QUIET_WITHIN = 60.0
"""Seconds: idle connections to instances are kept for 30."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The gateway that is looked at, and the ports of its instances."""

    pid: int
    port: int
    admin: int
    instances: Collection[int]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """`tasks` is None where the gateway does not tell."""

    clients: int
    upstreams: int
    descriptors: int
    resident_mb: float
    in_flight: int
    tasks: int | None


async def leftovers_once_quiet(subject: Subject, patience: float) -> Leftovers:
    """As soon as nobody is connected any more, or after `patience` seconds all the same. Raises CannotMeasure."""
    deadline = monotonic() + patience
    while any(_sockets(subject)) and monotonic() < deadline:
        await asyncio.sleep(0.5)
    await asyncio.sleep(2)  # what a closed connection leaves behind is freed in later turns of the loop
    return await leftovers(subject)


async def leftovers(subject: Subject) -> Leftovers:
    """Raises CannotMeasure when the admin listener does not answer."""
    metrics = await _metrics(subject.admin)
    await asyncio.sleep(0.2)  # for the connection that asked
    clients, upstreams = _sockets(subject)
    process = psutil.Process(subject.pid)
    return Leftovers(
        clients=clients,
        upstreams=upstreams,
        descriptors=process.num_fds(),
        resident_mb=process.memory_info().rss / 1e6,
        in_flight=gauge(metrics, "gateway_in_flight") or 0,
        tasks=gauge(metrics, "gateway_tasks"),
    )


def gauge(metrics: str, name: str) -> int | None:
    """The sum over all labels of a metric in Prometheus' text form; None where there is none."""
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", metrics, re.MULTILINE)
    return round(sum(map(float, found))) if found else None


def _sockets(subject: Subject) -> tuple[int, int]:
    """Connections with clients, and with instances."""
    every = psutil.Process(subject.pid).net_connections("tcp")
    connected = [each for each in every if each.status != psutil.CONN_LISTEN]
    clients = sum(each.laddr.port == subject.port for each in connected)
    upstreams = sum(bool(each.raddr) and each.raddr.port in subject.instances for each in connected)
    return clients, upstreams


async def _metrics(port: int) -> str:
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=10.0) as http:
            answer = await http.get(f"http://127.0.0.1:{port}/metrics", headers={"Connection": "close"})
            return answer.raise_for_status().text
    except httpx2.HTTPError as error:
        raise CannotMeasure(f"the gateway's admin listener does not answer: {type(error).__name__}") from error
