"""A tracer whose spans stay in memory, as the SDK makes them, and what tests ask of them."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import SpanKind

from discovery.tracing.conventions import ERROR


class Recording:
    """`tracer` makes them; they are here as soon as they have ended."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("tests")

    @property
    def ended(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    @property
    def server(self) -> ReadableSpan:
        (only,) = (each for each in self.ended if each.kind is SpanKind.SERVER)
        return only

    @property
    def attempts(self) -> Sequence[ReadableSpan]:
        """In the order in which they began."""
        found = [each for each in self.ended if each.kind is SpanKind.CLIENT]
        return sorted(found, key=lambda each: each.start_time or 0)

    @property
    def attempt(self) -> ReadableSpan:
        (only,) = self.attempts
        return only


def told(span: ReadableSpan, name: str) -> object:
    """An attribute; None where there is none."""
    return (span.attributes or {}).get(name)


def error(span: ReadableSpan) -> object:
    """What kind of error it ended with; None for one that ended well."""
    assert span.status.is_ok == (told(span, ERROR) is None)
    return told(span, ERROR)


def ids(span: ReadableSpan) -> tuple[str, str]:
    """Trace and span, as they stand in a `traceparent`."""
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def traceparent(span: ReadableSpan) -> bytes:
    assert span.context is not None
    return "00-{}-{}-{:02x}".format(*ids(span), span.context.trace_flags).encode()


def is_child(span: ReadableSpan, of: ReadableSpan) -> bool:
    assert of.context is not None
    return span.parent is not None and (span.parent.trace_id, span.parent.span_id) == (
        of.context.trace_id,
        of.context.span_id,
    )
