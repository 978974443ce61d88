"""One question to an agent over httpx2: timed as a whole, and judged by the status of its answer."""

from __future__ import annotations

import asyncio

import httpx2

from discovery.errors import RegistryRefused, RegistryUnreachable
from discovery.settings import ConsulSettings

CALL_TIMEOUT = 5.0
"""Seconds for a call that does not block; a blocking one gets this on top of its wait."""

PLACES = 64
"""Addresses of an agent that are remembered: a name may stand for many, one after another."""


class Line:
    """Holds a pool of connections: close it with `aclose`. Raises SettingsError."""

    def __init__(self, settings: ConsulSettings, transport: httpx2.AsyncBaseTransport | None, patience: float) -> None:
        self.places: set[tuple[str, int]] = set()
        """Addresses and ports at which the agent has answered."""
        self._patience = patience
        self._extensions = {"sni_hostname": settings.tls_server_name} if settings.tls_server_name else {}
        self._http = httpx2.AsyncClient(
            verify=settings.tls(),
            transport=transport,
            trust_env=False,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=8),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(
        self, method: str, url: str, headers: dict[str, str] | None, content: str | bytes = b"", *, wait: float = 0.0
    ) -> httpx2.Response:
        """The answer, which is 200 or 404, however long it `wait`s for news. Raises RegistryError."""
        try:
            request = self._http.build_request(
                method, url, headers=headers, content=content or None, timeout=None, extensions=self._extensions
            )
            # Over all: an answer that drips is late too. Consul adds up to a sixteenth to a wait, so that not all
            # queries come back at once.
            async with asyncio.timeout(self._patience + wait * 17 / 16):
                response = await self._http.send(request)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise RegistryUnreachable(f"Consul cannot be asked: {type(error).__name__}") from error
        self._note_place(response)
        _raise_for_status(response)
        return response

    def _note_place(self, response: httpx2.Response) -> None:
        stream = response.extensions.get("network_stream")
        place = stream.get_extra_info("server_addr") if stream is not None else None
        if place and len(self.places) < PLACES:
            self.places.add((str(place[0]), int(place[1])))


def _raise_for_status(response: httpx2.Response) -> None:
    if response.headers.get("x-consul-knownleader") == "false":
        raise RegistryUnreachable("Consul has no leader")
    status = response.status_code
    if status >= 500:
        raise RegistryUnreachable(f"Consul answered {status}")
    if status not in (200, 404):
        raise RegistryRefused(f"Consul answered {status}")
