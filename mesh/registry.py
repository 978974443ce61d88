"""How to start a registry on this machine as a child in the foreground, and how to ask one if it is ready.

Nothing here starts a process: the supervisor does, with the argv and the environment that it gets from here.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Literal, TypeAlias, cast

import httpx2

from discovery.errors import RegistryGarbled, RegistryRefused, RegistryUnreachable
from discovery.ports import free_ports
from mesh.consul_agent import NoConsul, Ports, arguments, version

Kind: TypeAlias = Literal["embedded", "consul"]

POLL = 0.05
ANSWER_WITHIN = 2.0


def consul_binary() -> str | None:
    """The path of the `consul` binary on PATH, if there is one."""
    return shutil.which("consul")


def command(kind: Kind, port: int, *, data_dir: Path | None = None) -> list[str]:
    """The argv of a registry that listens on 127.0.0.1:`port` and stays in the foreground.

    It also needs what `environment` says. The embedded registry keeps everything in memory and has no use
    for `data_dir`; Consul runs with `-dev` (in memory too) unless it is given one. Raises NoConsul.
    """
    if kind == "embedded":
        return [sys.executable, "-m", "discovery.devagent"]
    binary = consul_binary()
    if binary is None:
        raise NoConsul("there is no consul binary on PATH")
    others = [free for free in free_ports(4) if free != port][:3]
    return [binary, "agent", *arguments(version(binary), Ports(port, *others), data_dir)]


def environment(kind: Kind, port: int) -> dict[str, str]:
    """What the child needs in its environment besides what it inherits."""
    return {"DEVAGENT_HOST": "127.0.0.1", "DEVAGENT_PORT": str(port)} if kind == "embedded" else {}


async def wait_until_ready(address: str, *, seconds: float) -> None:
    """Return once the registry at `address` (`HOST:PORT` or a URL) knows a leader.

    Raises RegistryUnreachable with the last thing seen when that takes more than `seconds`.
    """
    seen = "no answer"
    try:
        async with asyncio.timeout(seconds), _client(address) as http:
            while True:
                try:
                    await _leader(http)
                except RegistryUnreachable as error:
                    seen = str(error)
                else:
                    return
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise RegistryUnreachable(f"{address} was not ready within {seconds:g} s: {seen}") from None


async def describe(address: str) -> str:
    """`embedded`, or `consul <version>`, or `consul` from an agent that tells strangers no more.

    Raises RegistryUnreachable, RegistryRefused or RegistryGarbled.
    """
    async with _client(address) as http:
        response = await _get(http, "/v1/agent/self")
    if response.status_code == 403:
        return "consul"
    if response.is_error:
        raise RegistryRefused(f"{address} answered {response.status_code} when asked what it is")
    try:
        version = cast(str, response.json()["Config"]["Version"])
        return "embedded" if "devagent" in version else f"consul {version}"
    except (ValueError, KeyError, TypeError):
        raise RegistryGarbled(f"{address} does not answer like a Consul agent") from None


def _client(address: str) -> httpx2.AsyncClient:
    # Without the environment: a proxy set for the web must not stand between two processes of one machine.
    url = address if "//" in address else f"http://{address}"
    return httpx2.AsyncClient(base_url=url, timeout=ANSWER_WITHIN, trust_env=False)


async def _leader(http: httpx2.AsyncClient) -> None:
    response = await _get(http, "/v1/status/leader")
    if response.status_code != 200 or response.text.strip() in ("", '""'):
        raise RegistryUnreachable(f"no leader yet (status {response.status_code})")


async def _get(http: httpx2.AsyncClient, path: str) -> httpx2.Response:
    try:
        return await http.get(path)
    except httpx2.TransportError as error:
        raise RegistryUnreachable(f"{http.base_url} cannot be reached: {type(error).__name__}") from error
