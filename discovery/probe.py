"""Ask an instance whether it answers, and whether it is who it should be, on connections that no request shares."""

from __future__ import annotations

import asyncio
from enum import Enum, auto

import httpx2

from discovery.identity import HEADER, names_other_than
from discovery.instance import Instance


class Verdict(Enum):
    """What a probe found."""

    ANSWERS = auto()
    REFUSED = auto()
    SILENT = auto()
    """Connects, or might: but gives no good answer in time."""
    STRANGER = auto()


class Probe:
    """`GET /livez` where the instance is one of ours, else a connection. Close it with `aclose`."""

    def __init__(self, *, timeout: float = 1.0) -> None:
        self._timeout = timeout
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._http = httpx2.AsyncClient(timeout=timeout, trust_env=False, limits=limits)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def answers(self, instance: Instance) -> bool:
        return await self.ask(instance) is Verdict.ANSWERS

    async def is_live(self, url: str) -> bool:
        """Whether a health check on this URL would pass."""
        try:
            return (await self._http.get(url)).is_success
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            return False

    async def ask(self, instance: Instance) -> Verdict:
        try:
            return await (self._ask_for_health(instance) if instance.boot_id else self._connect(instance))
        except (httpx2.ConnectError, ConnectionRefusedError):
            return Verdict.REFUSED
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError):
            return Verdict.SILENT

    async def _ask_for_health(self, instance: Instance) -> Verdict:
        response = await self._http.get(f"http://{instance.authority}/livez")
        if names_other_than(instance, response.headers.get(HEADER)):
            return Verdict.STRANGER
        return Verdict.ANSWERS if response.is_success else Verdict.SILENT

    async def _connect(self, instance: Instance) -> Verdict:
        async with asyncio.timeout(self._timeout):
            _, writer = await asyncio.open_connection(instance.address, instance.port)
        writer.close()
        return Verdict.ANSWERS
