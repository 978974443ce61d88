"""How a span tells of HTTP, by OpenTelemetry's conventions: names of few kinds, failures, and never a query."""

from __future__ import annotations

from opentelemetry.trace import Span, Status, StatusCode

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})

METHOD, RESPONSE_STATUS, RESEND_COUNT = "http.request.method", "http.response.status_code", "http.request.resend_count"
ROUTE, PATH, URL, SCHEME = "http.route", "url.path", "url.full", "url.scheme"
ADDRESS, PORT, PROTOCOL_VERSION = "server.address", "server.port", "network.protocol.version"
ERROR = "error.type"

INSTANCE, SERVICE = "mesh.instance", "mesh.service"
"""Ours: whom an attempt went to."""


def method_of(said: str) -> str:
    """A method that everybody knows; one that a client made up would be a name for each client."""
    return said if said in METHODS else "_OTHER"


def span_name(method: str, target: str = "") -> str:
    return f"{method if method in METHODS else 'HTTP'} {target}".rstrip()


def answered(span: Span, status: int, *, error_from: int) -> None:
    """End it with this status, which is an error from `error_from` on: 400 for who called, 500 for who was called."""
    span.set_attribute(RESPONSE_STATUS, status)
    if status >= error_from:
        failed(span, str(status))
    else:
        span.end()


def failed(span: Span, kind: str, words: str | None = None) -> None:
    """End it as an error of this kind; `words` must be ours, as those of others may quote what is secret."""
    span.set_attribute(ERROR, kind)
    span.set_status(Status(StatusCode.ERROR, words))
    span.end()
