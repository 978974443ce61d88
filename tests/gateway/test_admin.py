"""Whom the admin listener answers, and from when on the gateway calls itself ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random

import httpx2
import pytest

from discovery.addresses import Forbidden
from discovery.documents import Answer
from discovery.errors import RegistryUnreachable
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.learning import SETTLING
from discovery.resolver import Resolver
from services.gateway.app import admin_app
from services.gateway.metrics import Metrics
from services.gateway.routes import RouteTable

from .front import SilentProbe
from .registry import FakeRegistry
from .waiting import DEADLINE

OURS = "192.0.2.7"


class Silence(FakeRegistry):
    """Answers nothing until it is told to."""

    speaks = False

    async def services(self, *, index: int = 0, wait: float = 60.0) -> Answer[Mapping[str, Sequence[str]]]:
        if not self.speaks:
            raise RegistryUnreachable("nobody there")
        return await super().services(index=index, wait=wait)


@asynccontextmanager
async def admin(
    registry: FakeRegistry, *, is_leaving: bool = False, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[httpx2.AsyncClient]:
    journal = Journal()
    resolver = Resolver(registry, SilentProbe(), journal=journal, clock=clock, random=Random(1), forbidden=Forbidden())
    app = admin_app(
        resolver,
        RouteTable(journal),
        journal,
        Metrics(),
        clock=time.monotonic,
        is_leaving=lambda: is_leaving,
        names=[OURS, "gateway"],
    )
    async with resolver, httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as http:
        resolver.follow_routed()
        yield http


async def is_ready(http: httpx2.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == 200


async def until_ready(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await is_ready(http):
            await asyncio.sleep(0.01)


async def test_a_gateway_is_ready_once_it_knows_its_routes() -> None:
    registry = Silence(Instance("web-1", "web", "192.0.2.1", 80, tags=("urlprefix-/web",)))
    async with admin(registry) as http:
        assert not await is_ready(http)
        assert (await http.get("/livez")).status_code == 200
        registry.speaks = True
        await until_ready(http)
        registry.speaks = False
        registry.list()
        await asyncio.sleep(0.05)
        assert await is_ready(http), "what is learnt is not unlearnt"


async def test_a_gateway_without_anything_to_learn_is_ready_a_while_later() -> None:
    """It would not be if a token hid everything from it."""
    ahead = 0.0
    async with admin(FakeRegistry(), clock=lambda: time.monotonic() + ahead) as http:
        await asyncio.sleep(0.05)
        assert not await is_ready(http)
        ahead = SETTLING
        await until_ready(http)


async def test_a_gateway_that_may_read_nothing_is_never_ready() -> None:
    class Blind(FakeRegistry):
        async def services(self, *, index: int = 0, wait: float = 60.0) -> Answer[Mapping[str, Sequence[str]]]:
            return Answer((await super().services(index=index, wait=wait)).index, {})

    ahead = 0.0
    async with admin(Blind(), clock=lambda: time.monotonic() + ahead) as http:
        await asyncio.sleep(0.05)
        ahead = 1000 * SETTLING
        assert not await is_ready(http)


async def test_a_gateway_that_leaves_is_not_ready() -> None:
    async with admin(FakeRegistry(), is_leaving=True) as http:
        response = await http.get("/readyz")
        assert (response.status_code, response.text) == (503, "leaving\n")


@pytest.mark.parametrize("host", ["localhost:8081", "127.0.0.1:8081", "[::1]:8081", f"{OURS}:8081", "gateway:8081"])
async def test_it_answers_to_its_names(host: str) -> None:
    async with admin(FakeRegistry()) as http:
        assert (await http.get("/livez", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", f"{OURS}.evil.example", "192.0.2.8", "gateway.evil.example", ""])
async def test_it_answers_to_no_other_name(host: str) -> None:
    async with admin(FakeRegistry()) as http:
        assert (await http.get("/livez", headers={"Host": host})).status_code == 400
