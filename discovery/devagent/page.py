"""The page for people: what is registered on this machine and how it is, as it changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from importlib.resources import files

from discovery.devagent.agent import Agent
from discovery.devagent.asgi import Route
from discovery.devagent.messages import Refusal, Request, Response
from discovery.devagent.topics import ANYTHING
from discovery.devagent.view import snapshot

CALM = 0.2
"""Seconds between two snapshots at least: nobody reads faster."""

HEARTBEAT = 15.0
"""Seconds after which an unchanged page hears that the registry is still there."""

ASSETS = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def pages(agent: Agent) -> list[Route]:
    return [
        Route("GET", "/", _to_the_page),
        Route("GET", "/ui", _to_the_page),
        Route("GET", "/ui/*", _asset),
        Route("GET", "/ui/events", partial(_events, agent)),
    ]


async def _to_the_page(_request: Request) -> Response:
    return Response(302, headers={"location": "/ui/"})


async def _asset(request: Request) -> Response:
    if request.rest not in ASSETS:
        raise Refusal(404, "The page has no such part.")
    name, kind = ASSETS[request.rest]
    body = files(__package__).joinpath(name).read_bytes()
    return Response(200, body, {"content-type": f"{kind}; charset=utf-8", **HEADERS})


async def _events(agent: Agent, _request: Request) -> Response:
    return Response(200, _snapshots(agent), {"content-type": "text/event-stream", **HEADERS})


async def _snapshots(agent: Agent) -> AsyncIterator[bytes]:
    """The whole state each time: a page that missed some is right again with the next."""
    watches, catalog = agent.watches, agent.catalog
    while not watches.closed:
        shown = catalog.revision
        yield f"data: {json.dumps(snapshot(catalog))}\n\n".encode()
        await watches.wait((), CALM)  # rung by nothing: the time is over, or the registry ends
        while catalog.revision == shown and not watches.closed:
            if not await watches.wait({ANYTHING}, HEARTBEAT):
                yield b": still here\n\n"
