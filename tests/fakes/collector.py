"""A collector: a real server on a real port that takes OTLP and keeps the spans, and every byte that came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.fakes.http_server import TinyServer, response, sends, tiny_server

DEADLINE = 30.0
"""Seconds that a slow machine gets for what takes a moment."""

Value = str | int | bool | float


@dataclass(frozen=True, slots=True)
class Told:
    """A span as it was exported; `service` and `instance` are those of the process that told of it."""

    service: str
    instance: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    is_error: bool
    attributes: dict[str, Value]


class Collector:
    def __init__(self, server: TinyServer) -> None:
        self._server = server

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def raw(self) -> bytes:
        """All that was exported, as it came."""
        return b"".join(each.body for each in self._server.requests)

    @property
    def paths(self) -> set[str]:
        return {each.target for each in self._server.requests}

    @property
    def spans(self) -> Sequence[Told]:
        return [span for each in self._server.requests for span in _read(each.body)]

    async def until(self, enough: Callable[[Sequence[Told]], bool]) -> Sequence[Told]:
        """The spans, once there are enough of them."""
        async with asyncio.timeout(DEADLINE):
            while not enough(self.spans):
                await asyncio.sleep(0.02)
        return self.spans


def environment(endpoint: str) -> dict[str, str]:
    """For a process that is to send its spans there, and soon."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50"}


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    async with tiny_server(sends(response(content_type="application/x-protobuf"))) as server:
        yield Collector(server)


def _read(body: bytes) -> Sequence[Told]:
    found = []
    for each in ExportTraceServiceRequest.FromString(body).resource_spans:
        who = {pair.key: pair.value.string_value for pair in each.resource.attributes}
        service, instance = who["service.name"], who["service.instance.id"]
        found += [_told(service, instance, span) for scope in each.scope_spans for span in scope.spans]
    return found


def _told(service: str, instance: str, span: Span) -> Told:
    values = {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in span.attributes}
    return Told(
        service=service,
        instance=instance,
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        is_error=span.status.code == span.status.STATUS_CODE_ERROR,
        attributes=values,
    )
