"""What is asked of gateway and instances around a drill: what they hold, and how much reached them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from time import monotonic

import httpx2
import psutil

from mesh.drill.growth import Growth, Holdings, most
from mesh.errors import NotReady
from mesh.running import RunningMesh
from mesh.status import Status
from mesh.supervisor import Running

SETTLES_WITHIN = 10.0
"""Seconds for a gateway to be done with what nobody waits for: the deadline over one request."""

QUIET_WITHIN = 45.0
"""Seconds for it to have ended its idle connections: it keeps those to instances of ours for 30."""

ANSWERS_WITHIN = 5.0

LOOK_EVERY = 0.1

LOOKS = 5
"""Taken before: what comes and goes by itself, like a watch between two questions, is no growth."""

_REACHED = re.compile(r"^encrypt_requests_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)

_GAUGE = r"^{}(?:\{{[^}}]*\}})? ([0-9.e+]+)$"


async def at_rest(mesh: RunningMesh, *, warm: bool) -> Holdings:
    """What the gateway holds while nobody sends anything; once it is quiet, if it is `warm`. Raises NotReady."""
    deadline = monotonic() + (QUIET_WITHIN if warm else 0.0)
    while not (await _look(mesh)).is_quiet and monotonic() < deadline:
        await asyncio.sleep(LOOK_EVERY)
    looks = []
    for _ in range(LOOKS):
        looks.append(await _look(mesh))
        await asyncio.sleep(LOOK_EVERY)
    return most(looks)


async def growth(mesh: RunningMesh, before: Holdings, *, warm: bool) -> Growth:
    """Once nobody sends anything any more: none as soon as there is none, or what is left after a while.

    Raises NotReady.
    """
    deadline = monotonic() + (QUIET_WITHIN if warm else SETTLES_WITHIN)
    while True:
        found = Growth(before, await _look(mesh), warm)
        if not any(found.faults()) or monotonic() > deadline:
            return found
        await asyncio.sleep(LOOK_EVERY)


async def reached(ports: Iterable[int]) -> float:
    """How many requests the instances on these ports have taken since they began. Raises NotReady."""
    pages = await asyncio.gather(*(_get(f"http://127.0.0.1:{port}/metrics") for port in ports))
    return sum(float(count) for page in pages for count in _REACHED.findall(page))


def gauge(page: str, name: str) -> int:
    """Over all labels, of a page of metrics."""
    return round(sum(map(float, re.findall(_GAUGE.format(name), page, re.MULTILINE))))


async def _look(mesh: RunningMesh) -> Holdings:
    status = mesh.status()
    page = await _get(f"{status.admin_url}/metrics")
    (gateway,) = (one for one in status.instances if one.service == "gateway")
    try:
        return holdings(status, page, _process(gateway))
    except psutil.Error as error:
        raise NotReady(f"the connections of {gateway.id} cannot be seen: {error}") from error


def _process(gateway: Running) -> psutil.Process:
    if gateway.pid is None:
        raise NotReady(f"{gateway.id} does not run")
    return psutil.Process(gateway.pid)


def holdings(status: Status, page: str, process: psutil.Process) -> Holdings:
    """What a gateway says of itself on its page of metrics, and what the system says of its process."""
    instances = {one.port for one in status.instances if one.service == "encrypt"}
    connected = [one for one in process.net_connections("tcp") if one.status != psutil.CONN_LISTEN]
    idle = sum(bool(one.raddr) and one.raddr.port in instances for one in connected)
    asked = sum(one.laddr.port == status.admin_port for one in connected)
    return Holdings(
        in_flight=gauge(page, "gateway_in_flight"),
        half_closed=sum(one.status == psutil.CONN_CLOSE_WAIT for one in connected),
        clients=sum(one.laddr.port == status.gateway_port for one in connected),
        idle=idle,
        descriptors=process.num_fds() - idle - asked,
        tasks=gauge(page, "gateway_tasks"),
        memory=process.memory_info().rss,
    )


async def _get(url: str) -> str:
    try:
        async with httpx2.AsyncClient(timeout=ANSWERS_WITHIN, trust_env=False) as http:
            return (await http.get(url)).raise_for_status().text
    except httpx2.HTTPError as error:
        raise NotReady(f"{url} gives no answer: {type(error).__name__}") from error
