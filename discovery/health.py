"""`/livez` and `/readyz` in front of any ASGI application that does not bring its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PATHS = ("/livez", "/readyz")


class HealthEndpoints:
    """Live as long as the loop turns; ready until the instance begins to leave."""

    def __init__(self, app: Application) -> None:
        own = {getattr(route, "path", None) for route in getattr(app, "routes", ())}
        self._paths = frozenset(PATHS) - own
        self._app = app
        self._is_leaving = False

    def leave(self) -> None:
        """From now on `/readyz` says that this instance wants no more requests."""
        self._is_leaving = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self._paths:
            await self._answer(scope["path"], send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, path: str, send: Send) -> None:
        leaving = path == "/readyz" and self._is_leaving
        body = b"leaving\n" if leaving else b"ok\n"
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 503 if leaving else 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
