"""An instance that answers with what it was sent: `python echo.py`, configured by `SERVICE_…` and `CONSUL_…`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from discovery import serve

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def echo(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """`?bytes=N` asks for that many instead."""
    if scope["type"] != "http":
        return
    body = await _whole(receive)
    wanted = parse_qs(scope["query_string"].decode()).get("bytes")
    answer = b"x" * int(wanted[0]) if wanted else body
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def _whole(receive: Receive) -> bytes:
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(parts)


if __name__ == "__main__":
    serve(echo, service="echo", routes=["/echo replay=safe"])
