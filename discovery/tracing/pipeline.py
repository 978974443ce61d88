"""From ended spans to a collector, by OpenTelemetry's SDK: in batches, by a thread, never in the way of a request."""

from __future__ import annotations

import logging
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from discovery.errors import SettingsError
from discovery.instance import Instance

LAST = 1.0
"""Seconds for what has not been sent at the end; a collector that hangs must not keep a process from ending."""

QUERY = "url.query"


class Pipeline:
    """A provider whose spans go to `endpoint`. What cannot be sent is dropped, and said once for each batch."""

    def __init__(self, endpoint: str, instance: Instance) -> None:
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)  # it would warn of each try as well
        try:
            self.provider = TracerProvider(resource=resource(instance), shutdown_on_exit=False)
            self.provider.add_span_processor(WithoutQueries())
            self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        except (ValueError, RuntimeError) as error:
            raise SettingsError(f"tracing cannot be set up: {error}") from error

    def end(self) -> None:
        """Send what is left, for a moment. The thread that waits for longer ends with the process."""
        ending = Thread(target=self.provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(LAST)


class WithoutQueries(SpanProcessor):
    """A client may have put a key into a query by mistake: of a query, only that there was one is told."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 (the SDK's seam)
        if span.attributes and QUERY in span.attributes:
            span.set_attribute(QUERY, "REDACTED")


def resource(instance: Instance) -> Resource:
    """Who says all this. What `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say counts more than what we know."""
    known = {
        "service.name": instance.service,
        "service.instance.id": instance.id,
        "service.version": instance.meta.get("version", ""),
    }
    return Resource.create({**known, **OTELResourceDetector().detect().attributes})
