"""`make test-compose`: Prometheus and collector of compose.yaml see every container. Only where their images are."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
from collections.abc import Iterator

import pytest

from tests.deploy.project import ROOT, SERVICES, document
from tests.deploy.stack import Stack, addresses, answers_again, instance, run, until

PARTS = document(ROOT / "compose.yaml")["services"]
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/mesh.json").read_text())

RULES = {
    each.get("alert") or each["record"]
    for group in document(ROOT / "deploy/prometheus/rules.yml")["groups"]
    for each in group["rules"]
}

COLLECTOR = "http://otel-collector:4318"

PORTS = {"gateway": 8081, "encrypt": 8000, "consul": 8500}
"""Where each service has its metrics."""


def is_here(name: str) -> bool:
    command = ["docker", "image", "inspect", PARTS[name]["image"]]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    os.environ.get("MESH_TEST_COMPOSE") != "1" or not (is_here("prometheus") and is_here("otel-collector")),
    reason="needs Docker and two images: docker compose pull prometheus otel-collector; make test-compose",
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    started = Stack("single", "observe", OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR)
    try:
        asyncio.run(started.up("--build", *SERVICES, "prometheus", "otel-collector"))
        yield started
    finally:
        asyncio.run(started.down())


async def test_every_container_is_scraped_also_one_that_came_later(stack: Stack) -> None:
    await until(lambda: scrapes_everybody(stack))
    await stack.up("--no-recreate", "--scale", "encrypt=4", "encrypt")
    await until(lambda: scrapes_everybody(stack))


async def scrapes_everybody(stack: Stack) -> bool:
    targets = (await stack.prometheus("/api/v1/targets"))["activeTargets"]
    scraped = {(each["labels"]["job"], each["labels"]["instance"]) for each in targets if each["health"] == "up"}
    return scraped == {
        (service, f"{address}:{port}")
        for service, port in PORTS.items()
        for container in await stack.containers(service)
        for address in await addresses(container)
    }


async def test_every_rule_can_be_evaluated(stack: Stack) -> None:
    await until(lambda: evaluates(stack))


async def evaluates(stack: Stack) -> bool:
    groups = (await stack.prometheus("/api/v1/rules"))["groups"]
    return {each["name"] for group in groups for each in group["rules"] if each["health"] == "ok"} == RULES


async def test_after_its_first_outage_the_dashboard_shows_something_everywhere(stack: Stack) -> None:
    victim = (await stack.containers("encrypt"))[0]
    async with stack.load() as load:
        await answers_again(load, instance(victim))
        await run("docker", "kill", victim)
        await run("docker", "start", victim)
        await answers_again(load, instance(victim))
        for panel in DASHBOARD["panels"]:
            for target in panel["targets"]:
                await until(lambda query=target["expr"]: has_numbers(stack, query))  # type: ignore[misc]


async def has_numbers(stack: Stack, query: str) -> bool:
    """As Grafana asks, for the shortest time that it shows."""
    found = await stack.prometheus("/api/v1/query", query=query.replace("$__rate_interval", "1m"))
    return any(series["value"][1] != "NaN" for series in found["result"])


async def test_a_call_is_one_trace_in_the_collector(stack: Stack) -> None:
    trace = secrets.token_hex(16)
    await stack.call("/encrypt", {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}, text="ship it", key="a key")
    await until(lambda: has_whole(stack, trace))


async def has_whole(stack: Stack, trace: str) -> bool:
    """What the gateway did, what came of it in encrypt, and at least one attempt between them."""
    said = await stack.compose("logs", "--no-log-prefix", "otel-collector")
    return said.count(f"POST /encrypt {trace}") >= 2 and f"POST {trace}" in said
