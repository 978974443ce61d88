"""The endpoints: from a request to what the agent knows or does, with Consul's headers, statuses and words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from discovery.devagent import answers, blocking, topics
from discovery.devagent.agent import Agent
from discovery.devagent.asgi import Route
from discovery.devagent.blocking import BadQuery, Seen, until_news
from discovery.devagent.jsonbody import BadBody
from discovery.devagent.messages import Refusal, Request, Response, as_json
from discovery.devagent.registrations import decode

Endpoint = Callable[[Agent, Request], Awaitable[Response]]

ELSEWHERE = ("filter", "near", "node-meta", "ns", "partition", "peer", "sg")
"""Parameters that would change an answer, and that the devagent does not understand."""


def routes(agent: Agent) -> list[Route]:
    table: list[tuple[str, str, Endpoint]] = [
        ("GET", "/v1/agent/self", agent_self),
        ("GET", "/v1/status/leader", leader),
        ("PUT", "/v1/agent/service/register", register),
        ("PUT", "/v1/agent/service/deregister/*", deregister),
        ("GET", "/v1/agent/service/*", agent_service),
        ("GET", "/v1/agent/services", agent_services),
        ("GET", "/v1/agent/checks", agent_checks),
        ("GET", "/v1/catalog/services", catalog_services),
        ("GET", "/v1/catalog/service/*", catalog_service),
        ("GET", "/v1/health/service/*", health_service),
    ]
    return [Route(method, path, partial(_understood, endpoint, agent)) for method, path, endpoint in table]


async def _understood(endpoint: Endpoint, agent: Agent, request: Request) -> Response:
    """Refuse what cannot be understood, whichever endpoint it was meant for. Raises Refusal."""
    for name in ELSEWHERE:
        if request.query.get(name, [""])[0]:
            raise Refusal(400, f"?{name} is not supported by the devagent")
    if request.query.get("dc", [""])[0] not in ("", answers.DATACENTER):
        raise Refusal(500, "No path to datacenter")
    try:
        return await endpoint(agent, request)
    except (BadBody, BadQuery) as error:
        raise Refusal(400, str(error)) from None


async def agent_self(agent: Agent, request: Request) -> Response:
    return _json(request, answers.agent_self(agent.catalog.node))


async def leader(agent: Agent, request: Request) -> Response:
    return _json(request, f"{agent.catalog.node.address}:{agent.catalog.node.port}")


async def register(agent: Agent, request: Request) -> Response:
    agent.register(decode(request.body), replace_checks=request.has("replace-existing-checks"))
    return Response()


async def deregister(agent: Agent, request: Request) -> Response:
    if not request.rest:
        raise Refusal(500, "ServiceID missing")
    agent.deregister(request.rest)
    return Response()


async def agent_services(agent: Agent, request: Request) -> Response:
    found = agent.catalog.registered()
    return _json(request, {entry.service.id: answers.agent_service(entry.service) for entry in found})


async def agent_checks(agent: Agent, request: Request) -> Response:
    catalog = agent.catalog
    shapes = {}
    for check in catalog.checks():
        if owner := catalog.find(check.service_id):
            shapes[check.check.id] = answers.agent_check(check, owner.service, catalog.node)
    return _json(request, shapes)


async def agent_service(agent: Agent, request: Request) -> Response:
    """Blocks while the description has the hash that the client gives; 404 as soon as there is none."""
    known = request.query.get("hash", [""])[0]
    seconds = blocking.wait(request.query)

    def look() -> Seen[answers.JSON]:
        entry = agent.catalog.find(request.rest)
        if entry is None:
            raise Refusal(404, f"unknown service ID: {request.rest}")
        now = entry.service.content_hash
        shape = {**answers.agent_service(entry.service), "ContentHash": now}
        return Seen(shape, now != known, {topics.instance(request.rest)})

    shape = await until_news(look, agent.watches, seconds=seconds, random=agent.random)
    return _json(request, shape, {"x-consul-contenthash": shape["ContentHash"]})


async def catalog_services(agent: Agent, request: Request) -> Response:
    catalog = agent.catalog

    def look() -> tuple[int, Any, set[topics.Topic]]:
        return catalog.services_index, answers.services(catalog.entries()), {topics.SERVICES}

    return await _indexed(agent, request, look)


async def catalog_service(agent: Agent, request: Request) -> Response:
    catalog, name = agent.catalog, _service_name(request)
    tags = request.query.get("tag", [])

    def look() -> tuple[int, Any, set[topics.Topic]]:
        found = [entry for entry in catalog.instances(name) if answers.has_tags(entry.service, tags)]
        shapes = [answers.catalog_service(entry, catalog.node) for entry in found]
        return catalog.index_of(name), shapes, _topics_of(agent, name)

    return await _indexed(agent, request, look)


async def health_service(agent: Agent, request: Request) -> Response:
    catalog, name = agent.catalog, _service_name(request)
    tags, only_passing = request.query.get("tag", []), _only_passing(request)

    def look() -> tuple[int, Any, set[topics.Topic]]:
        found = [entry for entry in catalog.instances(name) if answers.has_tags(entry.service, tags)]
        shapes = [answers.health_service(entry, catalog.checks_of(entry.service.id), catalog.node) for entry in found]
        if only_passing:
            shapes = [shape for shape in shapes if answers.is_passing(shape)]
        return catalog.index_of(name), shapes, _topics_of(agent, name)

    return await _indexed(agent, request, look)


async def _indexed(agent: Agent, request: Request, look: Callable[[], tuple[int, Any, set[topics.Topic]]]) -> Response:
    """Answer at once, or when the index has passed the one that the client has seen."""
    known, seconds = blocking.index(request.query), blocking.wait(request.query)

    def compare() -> Seen[tuple[int, Any]]:
        index, shape, rings = look()
        return Seen((index, shape), known == 0 or index > known, rings)

    index, shape = await until_news(compare, agent.watches, seconds=seconds, random=agent.random)
    headers = {"x-consul-index": str(index), "x-consul-knownleader": "true", "x-consul-lastcontact": "0"}
    return _json(request, shape, headers)


def _topics_of(agent: Agent, name: str) -> set[topics.Topic]:
    mine = {topics.service(name)}
    return mine if agent.catalog.exists(name) else mine | {topics.EXTINCTION}


def _service_name(request: Request) -> str:
    if not request.rest:
        raise Refusal(400, "Missing service name")
    return request.rest


def _only_passing(request: Request) -> bool:
    """`?passing` alone means yes; otherwise what Go's `strconv.ParseBool` takes. Raises Refusal."""
    said = request.query.get("passing", ["false"])[0]
    if said in ("", "1", "t", "T", "TRUE", "true", "True"):
        return True
    if said in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise Refusal(400, "Invalid value for ?passing")


def _json(request: Request, value: object, headers: dict[str, str] | None = None) -> Response:
    return as_json(value, headers or {}, pretty=request.has("pretty"))
