"""From ASGI to `Request` and back: routes, methods, the size of bodies, and clients that go away while they wait."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import parse_qs

from discovery.devagent.guard import admit
from discovery.devagent.messages import Refusal, Request, Response, text

MAX_BODY = 1 << 20

MAX_THROWN_AWAY = 8 << 20
"""Bytes of a body that is too large which are read all the same: who is cut off while sending sees no answer."""

Value = TypeVar("Value")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A path that ends with `/*` takes in all that follows the slash; the longest path that fits wins."""

    method: str
    path: str
    handler: Handler


class ClientGone(Exception):
    """The client has closed its connection: nobody is left to be answered."""


class Application:
    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = {route.path: route for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = _request(scope)
            admit(request)
            response = await self._answer(request, receive)
        except Refusal as refusal:
            response = text(refusal.status, refusal.text, refusal.headers)
        except ClientGone:
            return
        await _send(response, receive, send)

    async def _answer(self, request: Request, receive: Receive) -> Response:
        route = self._route(request.path)
        allow = {"allow": f"OPTIONS,{route.method}"}
        if request.method == "OPTIONS":
            return Response(200, headers=allow)
        if request.method != route.method:
            raise Refusal(405, f"method {request.method} not allowed", allow)
        rest = request.path[len(route.path) - 1 :]
        request = replace(request, rest=rest, body=await _body(request, receive))
        return await _unless_gone(route.handler(request), receive)

    def _route(self, path: str) -> Route:
        candidates = [pattern for pattern in self._routes if _fits(path, pattern)]
        if not candidates:
            raise Refusal(404, "The embedded registry has no such path: it speaks only a part of Consul's API.")
        return self._routes[max(candidates, key=len)]


def _fits(path: str, pattern: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("/*") else path == pattern


def _request(scope: Scope) -> Request:
    headers: dict[str, list[str]] = defaultdict(list)
    for name, value in scope["headers"]:
        headers[name.decode("latin-1")].append(value.decode("latin-1"))
    try:
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise Refusal(400, "Too many query parameters") from None
    return Request(scope["method"], scope["path"], query, headers)


async def _body(request: Request, receive: Receive) -> bytes:
    """Raises Refusal (413), ClientGone."""
    too_large = Refusal(413, "Request body too large: at most 1 MiB", {"connection": "close"})
    announced = request.headers.get("content-length", ("0",))[0]
    if not announced.isdigit() or int(announced) > MAX_THROWN_AWAY:
        raise too_large
    body, size, more = b"", 0, True
    while more and size <= MAX_THROWN_AWAY:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        body = body + part if size <= MAX_BODY else b""
    if size > MAX_BODY:
        raise too_large
    return body


async def _unless_gone(answer: Awaitable[Value], receive: Receive) -> Value:
    """The answer, or ClientGone as soon as the client has closed its connection: nobody waits for nobody."""
    answering, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(receive())
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientGone
        return await answering
    finally:
        answering.cancel()
        leaving.cancel()


async def _send(response: Response, receive: Receive, send: Send) -> None:
    headers = {"x-content-type-options": "nosniff", **response.headers}
    if isinstance(response.body, bytes):
        headers["content-length"] = str(len(response.body))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    if isinstance(response.body, bytes):
        await send({"type": "http.response.body", "body": response.body})
    else:
        await _stream(response.body, receive, send)


async def _stream(chunks: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    async def pour() -> None:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    with suppress(ClientGone):
        await _unless_gone(pour(), receive)
