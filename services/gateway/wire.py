"""HTTP/1.1 to one instance, pooled: the seam behind which requests leave the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx2

from discovery.exchange import HttpxReply, attempt
from discovery.instance import Instance
from services.gateway.request import Headers, Request

IDLE = 3.0
"""Seconds that a connection is kept for reuse: less than any server keeps it (Linkerd's default)."""


class WireReply(HttpxReply):
    """A response whose head has arrived."""

    @property
    def headers(self) -> Headers:
        return self.response.headers.raw

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises httpx2.TransportError when it breaks off."""
        stream = cast(httpx2.AsyncByteStream, self.response.stream)
        try:
            async for chunk in stream:
                yield chunk
        finally:
            await stream.aclose()


class Wire:
    """Connections to all instances. Close it with `aclose`."""

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=256, keepalive_expiry=IDLE)
        self._transport = httpx2.AsyncHTTPTransport(limits=limits)
        self._closing: set[asyncio.Future[None]] = set()

    async def aclose(self) -> None:
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._transport.aclose()

    def start(self, instance: Instance, request: Request, *, hold: bool) -> asyncio.Future[WireReply]:
        """Send a request. The future fails with AttemptFailed; `hold` reads a small body before it is done."""
        return asyncio.ensure_future(self._send(instance, request, hold))

    async def _send(self, instance: Instance, request: Request, hold: bool) -> WireReply:
        outgoing = httpx2.Request(
            request.method,
            f"http://{instance.authority}/",
            headers=list(request.headers),
            content=request.body,
            extensions={"target": request.target},
        )
        reply = await attempt(self._transport, outgoing, instance, hold=hold, closing=self._closing)
        return WireReply(reply.response, self._closing)
