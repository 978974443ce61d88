"""Traces of the process that people start: a span for each call, none for who watches, nothing of what was asked."""

from __future__ import annotations

import httpx2

from tests.fakes.collector import collector, environment

from .doubles import DEADLINE
from .test_process import instance
from .test_secrets import JSON, KEY, SECRETS, hostile_requests


async def test_every_call_is_a_span_and_no_secret_is_in_any() -> None:
    async with collector() as to:
        async with (
            instance(**environment(to.url)) as running,
            httpx2.AsyncClient(base_url=running.url, timeout=DEADLINE, trust_env=False) as http,
        ):
            sealed = await http.post("/encrypt", json={"text": "hush", "key": KEY})
            message = sealed.json()["message"]
            asked = [(path, body) for path, body in hostile_requests(message) if KEY not in path.partition("?")[0]]
            statuses = [(await http.post(path, content=body, headers=JSON)).status_code for path, body in asked]
            for path in ("/livez", "/readyz", "/metrics"):
                assert (await http.get(path)).status_code == 200
            spans = await to.until(lambda spans: len(spans) > len(asked))
        assert [each.attributes["http.response.status_code"] for each in spans] == [200, *statuses]
        assert {(each.service, each.kind) for each in spans} == {("encrypt", "SERVER")}
        assert {each.name for each in spans} == {"POST /encrypt", "POST /decrypt"}
        assert [each for each in SECRETS if each.encode() in to.raw] == []
        assert message[10:30].encode() not in to.raw


async def test_without_a_collector_it_knows_of_none() -> None:
    async with (
        instance(OTEL_EXPORTER_OTLP_ENDPOINT="", PYTHONPROFILEIMPORTTIME="1") as running,
        httpx2.AsyncClient(base_url=running.url, timeout=DEADLINE, trust_env=False) as http,
    ):
        assert (await http.post("/encrypt", json={"text": "hush", "key": KEY})).status_code == 200
    said = b"".join(running.said)
    assert b"services.encrypt.transport" in said
    assert b"opentelemetry.sdk" not in said
    assert b"opentelemetry.exporter" not in said
