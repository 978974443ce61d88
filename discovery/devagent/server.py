"""The agent on a socket: housekeeping while it serves, and an end that leaves no query hanging."""

from __future__ import annotations

import asyncio
import socket

import uvicorn

from discovery.devagent.agent import Agent
from discovery.devagent.asgi import Application

MAX_CONNECTIONS = 512
"""Requests beyond this get 503: a leaking client must not take the file descriptors that the checks need."""


def configuration(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=75,  # longer than any caller of ours keeps an idle connection
        timeout_graceful_shutdown=1,
    )


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, agent: Agent) -> None:
        super().__init__(config)
        self._agent = agent
        self._housekeeping: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._housekeeping = asyncio.create_task(self._agent.keep_house(), name="housekeeping")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        await self._agent.aclose()
        await super().shutdown(sockets)
