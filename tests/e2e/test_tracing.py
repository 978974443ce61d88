"""A call through the gateway is one trace: in the gateway, for the attempt, and in encrypt; and it tells no secret."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh.calling import Caller
from tests.e2e.meshes import a_mesh, until
from tests.fakes.collector import Collector, Told, collector, environment
from tests.registries import Registry

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TEXT, KEY, QUERY = "hush-text-93ab", "hush-key-7d1f", "hush-query-08be"


@asynccontextmanager
async def traced_mesh(logs: Path) -> AsyncIterator[tuple[Caller, Collector]]:
    registry = Registry("embedded")
    await registry.start()
    try:
        async with (
            collector() as to,
            a_mesh(registry, logs, encrypt=1, environment=environment(to.url)) as mesh,
            Caller(mesh.fleet.gateway_host, mesh.fleet.gateway_port) as caller,
        ):
            yield caller, to
    finally:
        registry.kill()


async def said(caller: Caller, operation: str, body: Mapping[str, str]) -> dict[str, str]:
    answer = await caller.call("POST", f"/{operation}?key={QUERY}", json.dumps(body).encode())
    assert answer.is_success
    document: dict[str, str] = json.loads(answer.body)
    return document


def logged(logs: Path, instance: str) -> str:
    return (logs / f"{instance}.log").read_text()


def trace(spans: Sequence[Told], name: str) -> list[Told]:
    """The spans of the only trace that has this one, its first before what it led to."""
    (traced,) = {each.trace for each in spans if each.name == name}
    found = [each for each in spans if each.trace == traced]
    (last,) = (each for each in found if not each.parent)
    chain = [last]
    while following := [each for each in found if each.parent == chain[-1].id]:
        chain += following
    assert len(chain) == len(found), "nothing stands beside the way of the call"
    return chain


async def test_one_trace_from_the_gateway_through_its_attempt_to_encrypt(tmp_path: Path) -> None:
    async with traced_mesh(tmp_path) as (caller, to):
        message = (await said(caller, "encrypt", {"text": TEXT, "key": KEY}))["message"]
        assert await said(caller, "decrypt", {"message": message, "key": KEY}) == {"text": TEXT}
        spans = await to.until(lambda spans: len(spans) >= 6)
        await until(lambda: logged(tmp_path, "gateway-1").count('"trace_id"') == 2)

    for operation in ("encrypt", "decrypt"):
        gateway, attempt, encrypt = trace(spans, f"POST /{operation}")
        assert [(each.service, each.instance, each.kind, each.name) for each in (gateway, attempt, encrypt)] == [
            ("gateway", "gateway-1", "SERVER", f"POST /{operation}"),
            ("gateway", "gateway-1", "CLIENT", "POST"),
            ("encrypt", "encrypt-1", "SERVER", f"POST /{operation}"),
        ]
        assert attempt.attributes["mesh.instance"] == "encrypt-1"
        assert {each.attributes["http.response.status_code"] for each in (gateway, attempt, encrypt)} == {200}
        assert f'"trace_id": "{gateway.trace}"' in logged(tmp_path, "gateway-1")
        assert f"00-{attempt.trace}-{attempt.id}-" in logged(tmp_path, "encrypt-1")
    assert b"hush" not in to.raw
    assert message[:20].encode() not in to.raw
    assert len({each.trace for each in spans}) == 2, "checks and scrapes are no calls"
