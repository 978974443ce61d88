"""What is asked of gateway and instances around a drill: what they hold, and how much reached them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from time import monotonic

import httpx2
import psutil

from mesh.drill.outcome import Leftovers
from mesh.errors import NotReady
from mesh.running import RunningMesh
from mesh.supervisor import Running

SETTLES_WITHIN = 10.0
"""Seconds for a gateway to be done with what nobody waits for: the deadline over one request."""

ANSWERS_WITHIN = 5.0

_REACHED = re.compile(r"^encrypt_requests_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)


async def leftovers(mesh: RunningMesh) -> Leftovers:
    """Once nobody sends anything: what is left after a while, or nothing. Raises NotReady."""
    deadline = monotonic() + SETTLES_WITHIN
    while True:
        found = await _look(mesh)
        if found == Leftovers(0, 0) or monotonic() > deadline:
            return found
        await asyncio.sleep(0.1)


async def reached(ports: Iterable[int]) -> float:
    """How many requests the instances on these ports have taken since they began. Raises NotReady."""
    pages = await asyncio.gather(*(_get(f"http://127.0.0.1:{port}/metrics") for port in ports))
    return sum(float(count) for page in pages for count in _REACHED.findall(page.text))


async def _look(mesh: RunningMesh) -> Leftovers:
    status = mesh.status()
    services = await _get(f"{status.admin_url}/api/v1/services")
    in_flight = sum(one["in_flight"] for service in services.json()["services"] for one in service["instances"])
    return Leftovers(in_flight, sum(map(_half_closed, [one for one in status.instances if one.service == "gateway"])))


def _half_closed(gateway: Running) -> int:
    """Connections that the other side has closed, and the gateway has not."""
    if gateway.pid is None:
        raise NotReady(f"{gateway.id} does not run")
    try:
        connections = psutil.Process(gateway.pid).net_connections("tcp")
    except psutil.Error as error:
        raise NotReady(f"the connections of {gateway.id} cannot be seen: {error}") from error
    return sum(one.status == psutil.CONN_CLOSE_WAIT for one in connections)


async def _get(url: str) -> httpx2.Response:
    try:
        async with httpx2.AsyncClient(timeout=ANSWERS_WITHIN, trust_env=False) as http:
            return (await http.get(url)).raise_for_status()
    except httpx2.HTTPError as error:
        raise NotReady(f"{url} gives no answer: {type(error).__name__}") from error
