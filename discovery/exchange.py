"""One request to one instance over httpx2, with errors that say what they mean for the request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx2

from discovery.connecting import CONNECT, connect_failure
from discovery.errors import (
    AttemptFailed,
    ConnectFailed,
    NeverSent,
    ResponseLate,
    ResponseLost,
    ResponseMalformed,
)
from discovery.identity import HEADER
from discovery.instance import Instance
from discovery.reply import KEPT

BETWEEN_BYTES = 60.0
"""Seconds in which at least something of a body must come or go."""

BROKEN_OFF = ("disconnected", "closed connection")
"""How httpcore and h11 word the end of a connection in the middle of a response."""


class HttpxReply:
    """A response of httpx2 whose body has not been read."""

    def __init__(self, response: httpx2.Response, closing: set[asyncio.Future[None]]) -> None:
        self.response = response
        self._closing = closing
        self.status = response.status_code
        self.identity: str | None = response.headers.get(HEADER)

    @property
    def retry_after(self) -> float | None:
        value = self.response.headers.get("retry-after", "")
        return float(value) if value.isdecimal() else None

    def discard(self) -> None:
        closing = asyncio.ensure_future(self.response.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def attempt(
    wire: httpx2.AsyncBaseTransport,
    request: httpx2.Request,
    instance: Instance,
    *,
    hold: bool,
    closing: set[asyncio.Future[None]],
    headers: httpx2.Headers | None = None,
) -> HttpxReply:
    """Send a request to one instance. Raises AttemptFailed.

    `hold` reads a small body before it returns, `closing` holds the endings of replies that nobody wants, `headers` are
    those of this attempt if they differ from the request's.
    """
    # Until the head is there the caller's deadline holds; the transport reads this anew for the body.
    timeout = {"connect": CONNECT, "read": None, "write": BETWEEN_BYTES, "pool": CONNECT}
    try:
        outgoing = httpx2.Request(
            request.method,
            request.url.copy_with(host=instance.address, port=instance.port),
            headers=request.headers if headers is None else headers,
            stream=request.stream,
            extensions={**request.extensions, "timeout": timeout},
        )
        response = await wire.handle_async_request(outgoing)
        timeout["read"] = BETWEEN_BYTES
        size = response.headers.get("content-length", "")
        if hold and size.isdecimal() and int(size) <= KEPT:
            response.stream = httpx2.ByteStream(b"".join([chunk async for chunk in _chunks(response)]))
        return HttpxReply(response, closing)
    except httpx2.LocalProtocolError:
        raise  # the request itself is none: no instance is to blame, and another would not help
    except httpx2.TransportError as error:
        raise translated(error) from error
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise ConnectFailed("the address is none") from error


async def _chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body as it came, encoded or not."""
    stream = cast(httpx2.AsyncByteStream, response.stream)
    try:
        async for chunk in stream:
            yield chunk
    finally:
        await stream.aclose()


def translated(error: httpx2.TransportError) -> AttemptFailed:
    """What an error of httpx2 means for the request."""
    match error:
        case httpx2.ConnectError():
            return connect_failure(error)
        case httpx2.ConnectTimeout():
            return ConnectFailed("no connection in time")
        case httpx2.PoolTimeout():
            return NeverSent("no free connection")
        case httpx2.ReadTimeout():
            return ResponseLate("nothing more came in time")
        case httpx2.ProtocolError() if not any(words in str(error) for words in BROKEN_OFF):
            return ResponseMalformed("the response is not HTTP")
        case _:
            return ResponseLost("the connection broke")
