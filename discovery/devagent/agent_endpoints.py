"""`/v1/agent/…` and `/v1/status/…`: what was registered here, and registering it."""

from __future__ import annotations

from discovery.devagent import answers, blocking
from discovery.devagent.agent import Agent
from discovery.devagent.blocking import Seen, until_news
from discovery.devagent.messages import Refusal, Request, Response, as_json
from discovery.devagent.registrations import decode
from discovery.devagent.topics import instance
from discovery.instance import authority


async def itself(agent: Agent, request: Request) -> Response:
    return as_json(answers.agent_self(agent.catalog.node), pretty=request.pretty)


async def leader(agent: Agent, request: Request) -> Response:
    node = agent.catalog.node
    return as_json(authority(node.address, node.port), pretty=request.pretty)


async def register(agent: Agent, request: Request) -> Response:
    """Raises BadBody."""
    agent.register(decode(request.body), replace_checks=request.has("replace-existing-checks"))
    return Response()


async def deregister(agent: Agent, request: Request) -> Response:
    """200 for instances that nobody knows, too."""
    if not request.rest:
        raise Refusal(500, "ServiceID missing")
    agent.deregister(request.rest)
    return Response()


async def services(agent: Agent, request: Request) -> Response:
    found = agent.catalog.registered()
    shapes = {entry.service.id: answers.agent_service(entry.service) for entry in found}
    return as_json(shapes, pretty=request.pretty)


async def checks(agent: Agent, request: Request) -> Response:
    catalog = agent.catalog
    shapes = {
        check.check.id: answers.agent_check(check, entry.service, catalog.node)
        for entry in catalog.registered()
        for check in catalog.checks_of(entry.service.id)
    }
    return as_json(shapes, pretty=request.pretty)


async def service(agent: Agent, request: Request) -> Response:
    """Blocks while the description has the hash that the client has seen; 404 as soon as there is none."""
    known, seconds = request.first("hash"), blocking.wait(request)

    def look() -> Seen[answers.JSON]:
        entry = agent.catalog.find(request.rest)
        if entry is None:
            raise Refusal(404, f"unknown service ID: {request.rest}")
        content = entry.service.content_hash
        shape = {**answers.agent_service(entry.service), "ContentHash": content}
        return Seen(shape, content != known, {instance(request.rest)})

    shape = await until_news(look, agent.watches, seconds=seconds, random=agent.random)
    return as_json(shape, {"x-consul-contenthash": shape["ContentHash"]}, pretty=request.pretty)
