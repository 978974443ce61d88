"""A plain gateway, one shared client, round robin: `python plain_gateway.py PORT http://HOST:PORT …`"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

import httpx2
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
WHOLE = 64 * 1024
"""Bytes: responses up to here are passed on in one piece, as streaming costs a small one dearly."""


def plain_gateway(instances: list[str]) -> FastAPI:
    following = cycle(instances)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx2.AsyncClient(limits=limits, trust_env=False) as app.state.http:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def forward(request: Request) -> Response:
        http: httpx2.AsyncClient = app.state.http
        headers = [(name, value) for name, value in request.headers.items() if name not in HOP_BY_HOP]
        asked = http.build_request(
            request.method,
            f"{next(following)}{request.url.path}?{request.url.query}",
            headers=headers,
            content=await request.body(),
        )
        answer = await http.send(asked, stream=True)
        passed = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
        if int(answer.headers.get("content-length", WHOLE + 1)) > WHOLE:
            done = BackgroundTask(answer.aclose)
            return StreamingResponse(answer.aiter_raw(), answer.status_code, passed, background=done)
        return Response(await answer.aread(), answer.status_code, passed)

    return app


if __name__ == "__main__":
    _, port, *addresses = sys.argv
    uvicorn.run(plain_gateway(addresses), host="127.0.0.1", port=int(port), access_log=False, log_level="warning")
