"""HTTP to instances, on connections that are judged by where they lead, not by the name that was asked for.

A name in a registry says nothing of what it resolves to, and may resolve to something else a moment later. So the
connection itself is looked at, before a byte is sent on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import cast

import httpcore2
import httpx2

from discovery.addresses import Forbidden
from discovery.errors import ConnectFailed


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Plain HTTP/1.1. Raises what httpx2's own transport does, and ConnectFailed for what must not be called."""

    def __init__(
        self, forbidden: Forbidden, *, max_keepalive_connections: int | None = None, keepalive_expiry: float = 5.0
    ) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            max_connections=None,
            max_keepalive_connections=max_keepalive_connections,
            keepalive_expiry=keepalive_expiry,
            network_backend=_Guard(forbidden),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        with _named_as_in_httpx2():
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=cast(httpx2.AsyncByteStream, request.stream),
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Body(cast(AsyncIterable[bytes], response.stream)),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Guard(httpcore2.AnyIOBackend):
    def __init__(self, forbidden: Forbidden) -> None:
        self._forbidden = forbidden

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        stream = await super().connect_tcp(host, port, timeout, local_address, socket_options)
        peer, own = stream.get_extra_info("server_addr"), stream.get_extra_info("client_addr")
        try:
            judge(self._forbidden, peer, own)
        except ConnectFailed:
            await stream.aclose()
            raise
        return stream


def judge(forbidden: Forbidden, peer: tuple[str, int] | None, own: tuple[str, int] | None) -> None:
    """Whether a connection may be used, by both of its ends. Raises ConnectFailed."""
    if not peer or not own:
        raise ConnectFailed("the connection ended at once")
    if why := forbidden.reason(peer[0], peer[1], is_here=peer[0] == own[0]):
        raise ConnectFailed(f"must not be called: {why}")


class _Body(httpx2.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _named_as_in_httpx2():
            async for part in self._stream:
                yield part

    async def aclose(self) -> None:
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()


@contextmanager
def _named_as_in_httpx2() -> Iterator[None]:
    """Its errors have the same names as those of what it stands on."""
    try:
        yield
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise getattr(httpx2, type(error).__name__)(str(error)) from error
