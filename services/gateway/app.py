"""The admin listener: status, events, metrics and a page. It answers only to names that it was told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Header, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware.trustedhost import TrustedHostMiddleware

from discovery.journal import Journal
from discovery.resolver import Resolver
from services.gateway.metrics import Metrics
from services.gateway.routes import RouteTable
from services.gateway.status import event_document, service_document

PAGE = Path(__file__).with_name("page.html")

SILENT: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""Who looks at the gateway is no part of what it serves."""

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def admin_app(
    resolver: Resolver,
    table: RouteTable,
    journal: Journal,
    metrics: Metrics,
    *,
    clock: Callable[[], float],
    is_leaving: Callable[[], bool],
    names: Sequence[str] = (),
) -> FastAPI:
    """`names` are Host names beside loopback's: no web page can reach this by DNS rebinding.

    Ready is a gateway that knows its routes: until then it would answer 404 to what another one serves.
    """
    app = FastAPI(title="gateway", docs_url="/docs", redoc_url=None, telemetry=SILENT)
    allowed = [f"[{each}]" if ":" in each else each for each in (*LOOPBACK_NAMES, *names)]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed, www_redirect=False)

    @app.get("/livez", response_class=PlainTextResponse)
    async def livez() -> str:
        return "ok\n"

    @app.get("/readyz", response_class=PlainTextResponse)
    async def readyz() -> Response:
        if is_leaving():
            return PlainTextResponse("leaving\n", 503)
        return PlainTextResponse("ok\n") if resolver.has_learnt else PlainTextResponse("learning routes\n", 503)

    @app.get("/metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/api/v1/services")
    async def services() -> dict[str, Any]:
        now = clock()
        found = [service_document(pool, table.of(name), now) for name, pool in sorted(resolver.pools.items())]
        return {"services": found, "registry": {"answers": resolver.hears_registry}}

    @app.get("/api/v1/events", response_model=None)
    async def events(
        limit: int = Query(default=200, ge=1, le=1000), accept: str = Header(default="")
    ) -> dict[str, Any] | StreamingResponse:
        if "text/event-stream" in accept:
            return StreamingResponse(stream(journal, is_leaving), media_type="text/event-stream")
        return {"events": [event_document(each) for each in journal.newest(limit)]}

    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        return PAGE.read_text()

    return app


async def stream(journal: Journal, is_leaving: Callable[[], bool]) -> AsyncIterator[str]:
    """Server-sent events, one for each event of the journal, from now on and until the gateway leaves."""
    async with journal.listen() as events:
        yield ": from now on\n\n"
        while not is_leaving():
            event = await anext(events)
            yield f"id: {event.id}\nevent: {event.kind}\ndata: {json.dumps(event_document(event))}\n\n"
