"""From spans to a collector: who says it, what is left out, and how little its end may take."""

from __future__ import annotations

import asyncio
import time

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from discovery.tracing.pipeline import LAST, Pipeline, WithoutQueries, resource
from tests.fakes.collector import collector
from tests.fakes.http_server import hangs, tiny_server
from tests.fakes.instances import instance

IN_TIME = LAST + 4.0
"""Seconds: less than the 10 that the SDK gives a collector."""


def test_a_query_is_not_told_whoever_made_the_span() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(WithoutQueries())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for attributes in ({"url.query": "key=hush", "url.path": "/a"}, {"url.path": "/b"}, {}):
        provider.get_tracer("tests").start_span("a", attributes=attributes).end()
    told = [dict(each.attributes or {}) for each in exporter.get_finished_spans()]
    assert told == [{"url.query": "REDACTED", "url.path": "/a"}, {"url.path": "/b"}, {}]


def test_a_resource_is_an_instance_unless_the_environment_knows_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)
    names = "service.name", "service.instance.id", "deployment.environment.name"
    assert [resource(instance()).attributes.get(name) for name in names] == ["web", "web-1", None]
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=west")
    assert [resource(instance()).attributes.get(name) for name in names] == ["shop", "web-1", "west"]


async def test_what_is_left_is_sent_at_the_end() -> None:
    async with collector() as to:
        pipeline = Pipeline(to.url + "/v1/traces", instance())
        pipeline.provider.get_tracer("tests").start_span("last").end()
        await asyncio.to_thread(pipeline.end)
        assert [(each.name, each.service, each.instance) for each in to.spans] == [("last", "web", "web-1")]


async def test_a_collector_that_hangs_is_not_waited_for() -> None:
    async with tiny_server(hangs) as hanging:
        pipeline = Pipeline(hanging.url + "/v1/traces", instance())
        pipeline.provider.get_tracer("tests").start_span("last").end()
        began = time.monotonic()
        await asyncio.to_thread(pipeline.end)
        assert time.monotonic() - began < IN_TIME
        assert hanging.requests
