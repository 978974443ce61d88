"""Ask an instance whether it answers, and whether it is who it should be."""

from __future__ import annotations

import httpx2

from discovery.identity import HEADER, names_other_than
from discovery.instance import Instance


class Probe:
    """`GET /livez` on connections of its own, which no request shares. Close it with `aclose`."""

    def __init__(self, *, timeout: float = 1.0, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._http = httpx2.AsyncClient(timeout=timeout, trust_env=False, limits=limits, transport=transport)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def answers(self, instance: Instance) -> bool:
        """Whether the very instance answers well. One that others registered only has to answer at all."""
        try:
            response = await self._http.get(f"http://{instance.authority}/livez")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            return False
        if not instance.boot_id:
            return True
        return response.is_success and not names_other_than(instance, response.headers.get(HEADER))
