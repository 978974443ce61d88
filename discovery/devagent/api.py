"""The API: which path leads to which endpoint, and what is refused whichever it was meant for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from discovery.devagent import agent_endpoints, catalog_endpoints
from discovery.devagent.agent import Agent
from discovery.devagent.answers import DATACENTER
from discovery.devagent.asgi import Route
from discovery.devagent.blocking import BadQuery
from discovery.devagent.jsonbody import BadBody
from discovery.devagent.messages import Refusal, Request, Response

Endpoint = Callable[[Agent, Request], Awaitable[Response]]

ELSEWHERE = ("filter", "near", "node-meta", "ns", "partition", "peer", "sg")
"""Parameters that would change an answer, and that the devagent does not understand."""

TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/v1/agent/self", agent_endpoints.itself),
    ("GET", "/v1/status/leader", agent_endpoints.leader),
    ("PUT", "/v1/agent/service/register", agent_endpoints.register),
    ("PUT", "/v1/agent/service/deregister/*", agent_endpoints.deregister),
    ("GET", "/v1/agent/service/*", agent_endpoints.service),
    ("GET", "/v1/agent/services", agent_endpoints.services),
    ("GET", "/v1/agent/checks", agent_endpoints.checks),
    ("GET", "/v1/catalog/services", catalog_endpoints.services),
    ("GET", "/v1/catalog/service/*", catalog_endpoints.service),
    ("GET", "/v1/health/service/*", catalog_endpoints.health),
)


def routes(agent: Agent) -> list[Route]:
    return [Route(method, path, partial(_understood, endpoint, agent)) for method, path, endpoint in TABLE]


async def _understood(endpoint: Endpoint, agent: Agent, request: Request) -> Response:
    for name in ELSEWHERE:
        if request.first(name):
            raise Refusal(400, f"?{name} is not supported by the devagent")
    if request.first("dc") not in ("", DATACENTER):
        raise Refusal(500, "No path to datacenter")
    try:
        return await endpoint(agent, request)
    except (BadBody, BadQuery) as error:
        raise Refusal(400, str(error)) from None
