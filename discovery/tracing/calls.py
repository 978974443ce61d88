"""A call by httpx2 within the trace of whoever makes it: each attempt a span, and its own marks in what is sent."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from opentelemetry import propagate
from opentelemetry.context import Context, get_current
from opentelemetry.trace import Tracer, get_current_span

from discovery.exchange import HttpxReply
from discovery.reply import Sending, Settle
from discovery.tracing.attempts import Attempts
from discovery.upstream import Upstream

SendWith = Callable[[Upstream, "Settle[HttpxReply]", httpx2.Headers], Sending]


def traced(tracer: Tracer, request: httpx2.Request, send: SendWith) -> Attempts[HttpxReply]:
    def start(upstream: Upstream, settle: Settle[HttpxReply], context: Context) -> Sending:
        headers = request.headers.copy()
        propagate.inject(headers, context)
        return send(upstream, settle, headers)

    return Attempts(tracer, start, parent=parent_of(request), method=request.method, path=request.url.path)


def parent_of(request: httpx2.Request) -> Context:
    """The span that is current; where there is none, the one that the caller has written into the request."""
    current = get_current()
    return current if get_current_span().get_span_context().is_valid else propagate.extract(request.headers, current)
