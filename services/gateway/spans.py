"""What the gateway's spans tell of a request, and how a request tells an instance of the span that it belongs to."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.context import Context, get_current
from opentelemetry.trace import Span, SpanKind, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from discovery.reply import Settle
from discovery.tracing import conventions
from discovery.tracing.attempts import Attempts
from discovery.upstream import Upstream
from services.gateway.arrival import Arrival
from services.gateway.connection import Exchange
from services.gateway.request import Request
from services.gateway.response import Response

SendAs = Callable[[Upstream, "Settle[Response]", Request], Exchange]


def traceparent(span: Span) -> bytes:
    """Also of one that is not recorded: whoever is behind us must know that, too."""
    context = span.get_span_context()
    return b"00-%032x-%016x-%02x" % (context.trace_id, context.span_id, context.trace_flags)


def server_span(tracer: Tracer, arrival: Arrival, given: bytes) -> Span:
    """Of a request that was admitted, and came with this `traceparent`, or none."""
    method, route = arrival.method.decode("latin-1"), arrival.claim.route.prefix if arrival.claim else ""
    return tracer.start_span(
        conventions.span_name(method, route),
        context=TraceContextTextMapPropagator().extract({"traceparent": given.decode()}, Context()),
        kind=SpanKind.SERVER,
        attributes={
            conventions.METHOD: conventions.method_of(method),
            conventions.ROUTE: route,
            conventions.PATH: path(arrival.target),
            conventions.SCHEME: "http",
            conventions.PROTOCOL_VERSION: arrival.version,
        },
    )


def attempts(tracer: Tracer, request: Request, send: SendAs) -> Attempts[Response]:
    """A span for each attempt within the one that is current, which `request` carries; an attempt carries its own.

    Half of a `traceparent` was drawn by us at random a moment ago: nothing else in the fields reads like it.
    """
    parent = get_current()
    carried = traceparent(get_current_span(parent))

    def start(upstream: Upstream, settle: Settle[Response], context: Context) -> Exchange:
        own = traceparent(get_current_span(context))
        return send(upstream, settle, request.with_fields(request.fields.replace(carried, own)))

    method = request.method.decode("latin-1")
    return Attempts(tracer, start, parent=parent, method=method, path=path(request.target))


def path(target: bytes) -> str:
    return target.partition(b"?")[0].decode("latin-1")
