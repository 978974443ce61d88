"""`/v1/catalog/…` and `/v1/health/…`: what everybody may know, with an index to wait by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from discovery.devagent import answers, blocking
from discovery.devagent.agent import Agent
from discovery.devagent.blocking import Seen, until_news
from discovery.devagent.entries import ServiceEntry
from discovery.devagent.messages import Refusal, Request, Response, as_json
from discovery.devagent.topics import SERVICES, Topic

YES = ("", "1", "t", "T", "TRUE", "true", "True")
NO = ("0", "f", "F", "FALSE", "false", "False")
"""What Go's `strconv.ParseBool` takes; `?passing` alone means yes."""


@dataclass(frozen=True, slots=True)
class Found:
    index: int
    shape: Any
    topics: set[Topic]


async def services(agent: Agent, request: Request) -> Response:
    catalog = agent.catalog

    def look() -> Found:
        return Found(catalog.index.services, answers.services(catalog.entries()), {SERVICES})

    return await _indexed(agent, request, look)


async def service(agent: Agent, request: Request) -> Response:
    node = agent.catalog.node
    return await _of_service(agent, request, lambda entry: answers.catalog_service(entry, node))


async def health(agent: Agent, request: Request) -> Response:
    catalog, only_passing = agent.catalog, _only_passing(request)

    def shape(entry: ServiceEntry) -> answers.JSON | None:
        checks = catalog.checks_of(entry.service.id)
        if only_passing and any(check.verdict.status != "passing" for check in checks):
            return None
        return answers.health_service(entry, checks, catalog.node)

    return await _of_service(agent, request, shape)


async def _of_service(agent: Agent, request: Request, shape: Callable[[ServiceEntry], answers.JSON | None]) -> Response:
    """The instances of a service, each in its shape; what has none is left out."""
    catalog, name, tags = agent.catalog, request.rest, request.query.get("tag", ())
    if not name:
        raise Refusal(400, "Missing service name")

    def look() -> Found:
        entries = [entry for entry in catalog.instances(name) if entry.service.carries(tags)]
        shapes = [found for entry in entries if (found := shape(entry)) is not None]
        return Found(catalog.index.of(name), shapes, catalog.topics(name))

    return await _indexed(agent, request, look)


async def _indexed(agent: Agent, request: Request, look: Callable[[], Found]) -> Response:
    """Answer at once, or when the index has passed the one that the client has seen."""
    known, seconds = blocking.index(request), blocking.wait(request)

    def compare() -> Seen[Found]:
        found = look()
        return Seen(found, known == 0 or found.index > known, found.topics)

    found = await until_news(compare, agent.watches, seconds=seconds, random=agent.random)
    headers = {"x-consul-index": str(found.index), "x-consul-knownleader": "true", "x-consul-lastcontact": "0"}
    return as_json(found.shape, headers, pretty=request.pretty)


def _only_passing(request: Request) -> bool:
    said = request.first("passing") if request.has("passing") else "false"
    if said not in YES + NO:
        raise Refusal(400, "Invalid value for ?passing")
    return said in YES
