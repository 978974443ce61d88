"""What the gateway tells people and programs of itself, over HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import httpx2
import pytest

from discovery.addresses import Forbidden
from discovery.errors import ResponseLost
from discovery.instance import Instance
from discovery.journal import Journal
from discovery.resolver import Resolver
from discovery.server import companion
from services.gateway.app import admin_app
from services.gateway.assembly import configuration
from services.gateway.metrics import Metrics, PoolCollector
from services.gateway.routes import RouteTable

from .front import SilentProbe
from .instances import BOOT
from .raw import read_message
from .registry import FakeRegistry
from .waiting import DEADLINE, until

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])

TAGS = ("urlprefix-/web replay=safe timeout=30s", "urlprefix-/w strip=/w")


def web(name: str, port: int, **more: object) -> Instance:
    return Instance(name, "web", "192.0.2.1", port, TAGS, {"boot_id": BOOT, "version": "1.2"}, **more)  # type: ignore[arg-type]


class Desk:
    """A resolver that knows some instances, and what is told of it on a real listener."""

    def __init__(self, registry: FakeRegistry) -> None:
        self.registry = registry
        self.journal = Journal()
        self.table = RouteTable(self.journal)
        self.metrics = Metrics()
        self.resolver = Resolver(
            registry,
            SilentProbe(),
            journal=self.journal,
            clock=time.monotonic,
            random=Random(1),
            forbidden=Forbidden(),
            on_snapshot=self.table.update,
        )
        self.metrics.registry.register(PoolCollector(self.resolver, time.monotonic))
        self.address = ("", 0)
        self.is_leaving = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[httpx2.AsyncClient]:
        app = admin_app(
            self.resolver,
            self.table,
            self.journal,
            self.metrics,
            clock=time.monotonic,
            is_leaving=lambda: self.is_leaving,
        )
        listening = socket.create_server(("127.0.0.1", 0))
        self.address = listening.getsockname()
        url = "http://{}:{}".format(*self.address)
        async with (
            self.resolver,
            companion(configuration(app, drain=1), listening),
            httpx2.AsyncClient(base_url=url, timeout=DEADLINE, trust_env=False) as http,
        ):
            self.resolver.follow_routed()
            await self.resolver.known("web")
            yield http


async def test_services_tell_who_is_in_rotation_and_why_not() -> None:
    desk = Desk(FakeRegistry(web("web-1", 9001), web("web-2", 9002, health="critical"), web("web-3", 9003, weight=0)))
    async with desk.open() as http:
        for _ in range(5):
            desk.resolver.pools["web"].failed(desk.resolver.pools["web"].upstreams[0], ResponseLost("x"))
        document = (await http.get("/api/v1/services")).json()
    assert document["registry"] == {"answers": True}
    (service,) = document["services"]
    assert (service["name"], service["stale_for"]) == ("web", None)
    assert sorted(service["routes"], key=lambda route: str(route["prefix"])) == [
        {"prefix": "/w", "strip": "/w", "replay": None, "timeout": None},
        {"prefix": "/web", "strip": None, "replay": "safe", "timeout": 30.0},
    ]
    one, two, three = service["instances"]
    assert {name: one[name] for name in ("id", "address", "port", "boot_id", "version", "registry", "in_flight")} == {
        "id": "web-1",
        "address": "192.0.2.1",
        "port": 9001,
        "boot_id": BOOT,
        "version": "1.2",
        "registry": "passing",
        "in_flight": 0,
    }
    assert [each["in_rotation"] for each in (one, two, three)] == [False, False, False]
    assert one["why"] == "too many failures"
    assert (two["registry"], two["why"].partition(":")[0]) == ("critical", "critical in the registry")
    assert three["why"].startswith("draining")


async def test_a_registry_that_is_silent_is_told_so() -> None:
    desk = Desk(FakeRegistry(web("web-1", 9001)))
    async with desk.open() as http:
        desk.resolver.pools["web"].hear_nothing()
        (service,) = (await http.get("/api/v1/services")).json()["services"]
    assert service["stale_for"] >= 0
    assert [each["in_rotation"] for each in service["instances"]] == [True]


async def test_events_are_told_newest_first_and_as_many_as_wanted() -> None:
    desk = Desk(FakeRegistry(web("web-1", 9001)))
    async with desk.open() as http:
        for number in range(300):
            desk.journal.record("test", service="web", instance="web-1", number=number)
        events = (await http.get("/api/v1/events")).json()["events"]
        assert [each["detail"]["number"] for each in events] == list(range(299, 99, -1))
        assert set(events[0]) == {"id", "at", "kind", "service", "instance", "detail"}
        assert events[0]["at"].endswith("Z")
        few = (await http.get("/api/v1/events?limit=2")).json()["events"]
        assert [each["detail"]["number"] for each in few] == [299, 298]
        assert len((await http.get("/api/v1/events?limit=1000")).json()["events"]) > 300


async def test_a_limit_that_is_none_is_refused() -> None:
    async with Desk(FakeRegistry(web("web-1", 9001))).open() as http:
        for limit in ("0", "-1", "1001", "999999999999999999999", "two", "", "1.5"):
            assert (await http.get(f"/api/v1/events?limit={limit}")).status_code == 422


async def test_events_stream_as_they_happen() -> None:
    desk = Desk(FakeRegistry(web("web-1", 9001)))
    async with desk.open() as http:
        headers = {"Accept": "text/event-stream"}
        async with http.stream("GET", "/api/v1/events", headers=headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = response.aiter_lines()
            assert (await anext(lines)).startswith(":")
            assert await anext(lines) == ""
            for number in range(3):
                desk.journal.record("test", number=number, text="a\nb\r\u2028")
                assert (await anext(lines)).startswith("id: ")
                assert await anext(lines) == "event: test"
                data = json.loads((await anext(lines)).removeprefix("data: "))
                assert data["detail"] == {"number": number, "text": "a\nb\r\u2028"}
                assert await anext(lines) == ""


async def test_a_stream_ends_when_the_gateway_leaves() -> None:
    desk = Desk(FakeRegistry(web("web-1", 9001)))
    async with desk.open() as http:
        for is_begun in (True, False):
            async with http.stream("GET", "/api/v1/events", headers={"Accept": "text/event-stream"}) as response:
                lines = response.aiter_lines()
                await anext(lines)
                desk.is_leaving = True
                if is_begun:
                    desk.journal.record("gateway_leaving")
                    rest = [line async for line in lines]
                    assert "event: gateway_leaving" in rest
                else:
                    assert [line async for line in lines] == [""]


async def test_whoever_stops_listening_is_forgotten() -> None:
    desk = Desk(FakeRegistry(web("web-1", 9001)))
    async with desk.open() as http:
        before = len(asyncio.all_tasks())
        for _ in range(5):
            async with http.stream("GET", "/api/v1/events", headers={"Accept": "text/event-stream"}) as response:
                await anext(response.aiter_lines())
        await until(lambda: len(asyncio.all_tasks()) <= before + 1)


async def test_metrics_are_for_prometheus() -> None:
    desk = Desk(FakeRegistry(web("web-1", 9001)))
    async with desk.open() as http:
        desk.metrics.answered("web", 200, 0.003, [])
        desk.metrics.answered("web", 503, 20.0, [])
        response = await http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    assert 'gateway_requests_total{service="web",status="200"} 1.0' in lines
    assert 'gateway_requests_total{service="web",status="503"} 1.0' in lines
    assert 'gateway_request_seconds_bucket{le="0.005",service="web"} 1.0' in lines
    assert 'gateway_request_seconds_bucket{le="10.0",service="web"} 1.0' in lines
    assert 'gateway_request_seconds_bucket{le="+Inf",service="web"} 2.0' in lines
    assert 'gateway_request_seconds_count{service="web"} 2.0' in lines
    assert 'gateway_instances{service="web",standing="admitted"} 1.0' in lines
    assert "gateway_registry_up 1.0" in lines


ELSEWHERE = [
    [b"Host: evil.example"],
    [b"Host: evil.example:8081"],
    [b"Host: localhost.evil.example"],
    [b"Host: 127.0.0.1.evil.example"],
    [b"Host: evil.example", b"X-Forwarded-Host: localhost"],
    [b"Host: localhost@evil.example"],
    [b"Host: localhost, evil.example"],
    [b"Host: 0"],
    [b"Host: 127.1"],
    [b"Host: "],
    [],
]


async def test_a_page_that_got_here_under_another_name_learns_nothing() -> None:
    desk = Desk(FakeRegistry(web("web-1", 9001)))
    async with desk.open():
        for path in (b"/", b"/livez", b"/metrics", b"/api/v1/services", b"/api/v1/events", b"/docs", b"/nowhere"):
            for fields in ELSEWHERE:
                reader, writer = await asyncio.open_connection(*desk.address)
                writer.write(b"\r\n".join([b"GET " + path + b" HTTP/1.1", *fields, b"", b""]))
                async with asyncio.timeout(DEADLINE):
                    got = await read_message(reader)
                writer.close()
                assert (got.status, fields) == (400, fields)
                assert b"web" not in got.body


async def test_the_page_is_there() -> None:
    async with Desk(FakeRegistry(web("web-1", 9001))).open() as http:
        response = await http.get("/")
        assert response.headers["content-type"].startswith("text/html")
        assert "<html" in response.text
