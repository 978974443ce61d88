"""A small application served as an instance: `python -m tests.discovery.served`. The environment tells it the rest."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from discovery import serve
from discovery.health import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers after `?seconds=`; the body comes only then."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    seconds = float(parse_qs(scope["query_string"].decode()).get("seconds", ["0"])[0])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"he", "more_body": True})
    await asyncio.sleep(seconds)
    await send({"type": "http.response.body", "body": b"llo"})


async def live(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


if __name__ == "__main__":
    serve(app, service="web", routes=["/hello replay=safe"])
