"""A steady load: requests sent on schedule, whatever the answers do.

An open loop, as Gil Tene's "How NOT to Measure Latency" asks for: a sender that waits for answers sends less to a
server that has stalled, and so leaves out of its report what a client would have suffered.
"""

from __future__ import annotations

import asyncio
import re
from time import monotonic

from discovery.instance import authority
from mesh.connections import Connections
from mesh.report import Answer, Report, summarize

TIMEOUT = 10.0
"""Seconds until a request without an answer counts as a hang: more than anything healthy takes."""

AT_ONCE = 512
"""Connections at most: enough for 10 s without an answer at 50 requests a second, and below what a shell may
open (1024). Requests beyond wait, and their wait is part of their latency."""

THROW_AWAY = b'{"text": "the quick brown fox jumps over the lazy dog", "key": "a key for load only"}'
"""Always the same key, so that each instance derives it once."""

_VISIBLE = re.compile(r"/[!-~]*")


class Load:
    """Send `request` to `host:port`, `rate` times a second, from `start` to `stop`.

    `answers` grows while the load runs, in the order in which requests end.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        rate: float,
        request: bytes,
        timeout: float = TIMEOUT,
        at_once: int = AT_ONCE,
    ) -> None:
        self.answers: list[Answer] = []
        self._rate = rate
        self._request = request
        self._late = 0.0
        self._schedule: asyncio.Task[None] | None = None
        self._connections = Connections(host, port, limit=at_once, timeout=timeout, answered=self.answers.append)

    async def start(self) -> None:
        self._schedule = asyncio.create_task(self._keep_schedule(monotonic()))

    async def stop(self) -> Report:
        """Send no more, wait for what is on its way, and report."""
        await self._send_no_more()
        await self._connections.settled()
        await self._connections.aclose()
        return self.report()

    async def aclose(self) -> None:
        """Break off, unless it has been stopped."""
        await self._send_no_more()
        await self._connections.aclose()

    async def __aenter__(self) -> Load:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def report(self) -> Report:
        """What came back so far."""
        return summarize(self.answers, late=self._late)

    async def _send_no_more(self) -> None:
        if self._schedule is not None:
            self._schedule.cancel()
            await asyncio.gather(self._schedule, return_exceptions=True)

    async def _keep_schedule(self, began: float) -> None:
        sent = 0
        while True:
            now = monotonic()
            due = began + sent / self._rate
            self._late = max(self._late, now - due)
            while due <= now:
                self._connections.submit(self._request, due)
                sent += 1
                due = began + sent / self._rate
            await asyncio.sleep(max(0.0, due - monotonic()))


def post(host: str, port: int, path: str = "/encrypt", body: bytes = THROW_AWAY) -> bytes:
    """A POST of a JSON document, as it goes over the wire. Raises ValueError for a path that is none."""
    if not _VISIBLE.fullmatch(path):
        raise ValueError("a path begins with / and has neither spaces nor anything outside ASCII")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {authority(host, port)}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body
