"""Ask an instance whether it answers, and whether it is who it should be, on connections that no request shares."""

from __future__ import annotations

import asyncio
from enum import Enum, auto

import httpx2

from discovery.addresses import Forbidden
from discovery.connecting import connect_failure
from discovery.errors import AttemptFailed, ConnectRefused
from discovery.guarded import GuardedTransport, judge
from discovery.identity import HEADER, names_other_than
from discovery.instance import Instance

TROUBLE = (AttemptFailed, httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError)
"""All that asking can raise; ValueError is what a resolver says of text that is no address."""


class Verdict(Enum):
    """What a probe found."""

    ANSWERS = auto()
    REFUSED = auto()
    SILENT = auto()
    """Connects, or might: but gives no good answer in time."""
    STRANGER = auto()


class Probe:
    """`GET /livez` where the instance is one of ours, else a connection. Close it with `aclose`.

    What is `forbidden` is found silent. Nothing is for who asks only itself.
    """

    def __init__(self, forbidden: Forbidden | None = None, *, timeout: float = 1.0) -> None:
        self._forbidden = forbidden
        self._timeout = timeout
        # Only http is spoken: loading the certificates for https would take a tenth of a second at each start.
        limits = httpx2.Limits(max_keepalive_connections=0)
        guarded = GuardedTransport(forbidden, max_keepalive_connections=0) if forbidden else None
        self._http = httpx2.AsyncClient(verify=False, timeout=None, trust_env=False, limits=limits, transport=guarded)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def answers(self, instance: Instance) -> bool:
        return await self.ask(instance) is Verdict.ANSWERS

    async def is_live(self, url: str) -> bool:
        """Whether a health check on this URL would pass."""
        try:
            async with asyncio.timeout(self._timeout), self._http.stream("GET", url) as response:
                return response.is_success
        except TROUBLE:
            return False

    async def ask(self, instance: Instance) -> Verdict:
        try:
            async with asyncio.timeout(self._timeout):
                return await (self._ask_for_health(instance) if instance.boot_id else self._connect(instance))
        except TROUBLE as error:
            # Of all that can go wrong only this proves that nobody is there.
            return Verdict.REFUSED if isinstance(connect_failure(error), ConnectRefused) else Verdict.SILENT

    async def _ask_for_health(self, instance: Instance) -> Verdict:
        async with self._http.stream("GET", f"http://{instance.authority}/livez") as response:
            if names_other_than(instance, response.headers.get(HEADER)):
                return Verdict.STRANGER
            return Verdict.ANSWERS if response.is_success else Verdict.SILENT

    async def _connect(self, instance: Instance) -> Verdict:
        _, writer = await asyncio.open_connection(instance.address, instance.port)
        peer, own = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        writer.close()
        if self._forbidden:
            judge(self._forbidden, peer, own)
        return Verdict.ANSWERS
