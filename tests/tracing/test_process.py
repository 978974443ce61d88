"""Processes that `serve`: traces by environment alone, without cost when off, and never in the way of anything."""

from __future__ import annotations

import time
from signal import SIGTERM

import httpx2
import pytest

from tests.discovery.processes import DEADLINE, Served, answer, served, until
from tests.fakes.collector import Told, collector, environment
from tests.fakes.http_server import closed_port, hangs, tiny_server
from tests.registries import Registry

NO_REGISTRY = {"CONSUL_HTTP_ADDR": "127.0.0.1:1", "SERVICE_LINGER": "0"}
LISTS_IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}
IN_TIME = 5.0
"""Seconds for an end: more than ours take on a slow machine, and less than the 10 s that the SDK gives a collector."""


async def asked(url: str, headers: dict[str, str]) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=DEADLINE, trust_env=False, headers=headers) as http:
        return await http.get(url)


async def ended_in_time(web: Served) -> None:
    began = time.monotonic()
    web.signal(SIGTERM)
    assert await web.ended() == 0
    assert time.monotonic() - began < IN_TIME


def named(spans: list[Told], name: str) -> Told:
    (only,) = (each for each in spans if each.name == name)
    return only


def ancestors(span: Told, spans: list[Told]) -> list[Told]:
    by_id = {each.id: each for each in spans}
    found: list[Told] = []
    while span.parent in by_id:
        span = by_id[span.parent]
        found.append(span)
    return found


async def test_nothing_of_it_is_loaded_when_it_is_off() -> None:
    async with served(**NO_REGISTRY, **LISTS_IMPORTS, OTEL_EXPORTER_OTLP_ENDPOINT="") as web:
        await web.url()
        assert "discovery.tracing.provider" in web.raw
        assert "opentelemetry" not in web.raw


async def test_and_its_sdk_is_when_it_is_on() -> None:
    async with collector() as to, served(**NO_REGISTRY, **LISTS_IMPORTS, **environment(to.url)) as web:
        await web.url()
        assert "opentelemetry.sdk" in web.raw


@pytest.mark.parametrize("off", [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
async def test_a_service_that_makes_no_spans_gets_what_its_caller_said(off: dict[str, str]) -> None:
    said = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with collector() as to:
        on = environment(to.url) if off else {}
        async with served("tests.tracing.chain", "hello", **NO_REGISTRY, **on, **off) as hello:
            response = await asked(await hello.url() + "/hello", {"traceparent": said})
            assert response.json() == said
            await ended_in_time(hello)
        assert to.raw == b""


@pytest.mark.parametrize("registry", ["embedded"], indirect=True)
async def test_one_service_that_calls_another_is_one_trace(registry: Registry) -> None:
    async with collector() as to:
        where = {"CONSUL_HTTP_ADDR": registry.address, "SERVICE_LINGER": "0", **environment(to.url)}
        async with (
            served("tests.tracing.chain", "hello", SERVICE_ID="hello-1", SERVICE_VERSION="7", **where) as hello,
            served("tests.tracing.chain", "relay", SERVICE_ID="relay-1", **where) as relay,
        ):
            await hello.says("registered")
            response = await asked(await relay.url() + "/relay?key=hush", {})
            assert response.status_code == 200
            spans = list(
                await to.until(lambda spans: {"GET /relay", "GET", "GET /hello"} <= {each.name for each in spans})
            )
            incoming, attempt, outgoing = named(spans, "GET /relay"), named(spans, "GET"), named(spans, "GET /hello")
            assert (incoming.kind, attempt.kind, outgoing.kind) == ("SERVER", "CLIENT", "SERVER")
            assert incoming.parent == ""
            assert incoming in ancestors(attempt, spans), "with FastAPI's own spans between them"
            assert outgoing.parent == attempt.id
            assert {each.trace for each in spans} == {incoming.trace}
            assert attempt.attributes["mesh.instance"] == "hello-1"
            assert [(each.service, each.instance) for each in (incoming, attempt, outgoing)] == [
                ("relay", "relay-1"),
                ("relay", "relay-1"),
                ("hello", "hello-1"),
            ]
            assert f"00-{attempt.trace}-{attempt.id}-" in response.json()
            assert not any("livez" in str(each.attributes) for each in spans), "checks are not traced"
            assert b"hush" not in to.raw
            assert to.paths == {"/v1/traces"}


async def test_who_a_process_is_can_be_said_by_the_environment() -> None:
    said = {"OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=shop-of-the-west"}
    async with (
        collector() as to,
        served("tests.tracing.chain", "hello", **NO_REGISTRY, **environment(to.url), **said) as web,
    ):
        await asked(await web.url() + "/hello", {})
        span = named(list(await to.until(bool)), "GET /hello")
        assert (span.service, span.instance) == ("shop", "shop-of-the-west")


async def test_what_is_left_is_sent_at_the_end() -> None:
    async with collector() as to:
        later = environment(to.url) | {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
        async with served("tests.tracing.chain", "hello", **NO_REGISTRY, **later) as web:
            await asked(await web.url() + "/hello", {})
            assert to.raw == b""
            await ended_in_time(web)
        assert "GET /hello" in [each.name for each in to.spans]


@pytest.mark.parametrize("away", [True, False], ids=["away", "hangs"])
async def test_a_collector_that_takes_nothing_hurts_nobody(away: bool) -> None:
    async with tiny_server(hangs) as hanging:
        url = f"http://127.0.0.1:{closed_port()}" if away else hanging.url
        async with served("tests.tracing.chain", "hello", **NO_REGISTRY, **environment(url)) as web:
            url = await web.url() + "/hello"
            began = time.monotonic()
            for _ in range(50):
                assert (await asked(url, {})).status_code == 200
            assert time.monotonic() - began < IN_TIME
            await until(lambda: away or hanging.requests)
            await ended_in_time(web)
        assert "Traceback" not in web.raw


async def test_an_endpoint_that_is_none_is_said_in_one_line() -> None:
    async with served(OTEL_EXPORTER_OTLP_ENDPOINT="hush:4318", **NO_REGISTRY) as web:
        assert await web.ended() == 1
    assert web.raw == "web: OTEL_EXPORTER_OTLP_ENDPOINT: expected http(s)://HOST:PORT\n"


async def test_what_its_sdk_refuses_is_said_in_one_line() -> None:
    async with collector() as to, served(OTEL_BSP_MAX_QUEUE_SIZE="-1", **NO_REGISTRY, **environment(to.url)) as web:
        assert await web.ended() == 1
    assert web.raw == "web: tracing cannot be set up: max_queue_size must be a positive integer.\n"


async def test_without_the_packages_it_serves_and_says_what_is_missing() -> None:
    async with collector() as to, served("tests.tracing.without_sdk", **NO_REGISTRY, **environment(to.url)) as web:
        assert (await answer(await web.url() + "/hello")) is not None
        said = await web.says("no traces: install discovered-mesh[tracing]")
        assert said["level"] == "warning"
        assert "Traceback" not in web.raw
        await ended_in_time(web)
