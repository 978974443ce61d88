"""The proxy with a span around each request: from its head, or all of a small one, to the last byte of its answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from opentelemetry.trace import Span, Tracer, use_span

from discovery.tracing import conventions
from services.gateway.answer import Answer
from services.gateway.arrival import Arrival
from services.gateway.forward import Forwarder
from services.gateway.listener import Listener
from services.gateway.metrics import Metrics
from services.gateway.proxy import Proxy
from services.gateway.routes import RouteTable
from services.gateway.spans import server_span, traceparent


class TracedProxy(Proxy):
    """A class of its own, so that a gateway without tracing does nothing about it. What is refused has no span."""

    def __init__(
        self,
        table: RouteTable,
        forwarder: Forwarder,
        metrics: Metrics,
        *,
        tracer: Tracer,
        **others: Any,
    ) -> None:
        """`others` are the proxy's own."""
        super().__init__(table, forwarder, metrics, **others)
        self._tracer = tracer

    async def serve(self, arrival: Arrival, answer: Answer, listener: Listener) -> None:
        span = self._begin(arrival)
        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                await super().serve(arrival, answer, listener)
        except asyncio.CancelledError:
            conventions.failed(span, "client_gone")
            raise
        except Exception as error:
            conventions.failed(span, type(error).__name__)
            raise
        if answer.broke_off:
            conventions.failed(span, "response_broke_off")
        else:
            conventions.answered(span, answer.status, error_from=500)

    def _begin(self, arrival: Arrival) -> Span:
        """From here on the request is marked as a part of our span, in the log and for the instance."""
        if arrival.fields is None:
            raise RuntimeError("only what was admitted is served")
        given = arrival.fields.given
        span = server_span(self._tracer, arrival, given.traceparent)
        arrival.fields = replace(arrival.fields, given=given._replace(traceparent=traceparent(span)))
        return span
