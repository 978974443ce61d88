"""`python -m tests.tracing.chain hello|relay`: two services, of which the second calls the first by its name."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

import discovery


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
    async with discovery.client() as http:
        yield {"http": http}


app = FastAPI(lifespan=lifespan)


@app.get("/hello")
async def hello(request: Request) -> str:
    return request.headers.get("traceparent", "")


@app.get("/relay")
async def relay(request: Request) -> str:
    """What came in, and what went out."""
    said = await request.state.http.get("http://hello/hello?key=hush")
    return f"{request.headers.get('traceparent', '')} {said.json()}"


if __name__ == "__main__":
    service = sys.argv[1]
    discovery.serve(app, service=service, routes=[f"/{service} replay=safe"])
