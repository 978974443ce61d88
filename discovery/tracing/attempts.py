"""One CLIENT span for each attempt of a call: until the head of its response is there, or it ends without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context

from discovery.errors import AttemptFailed
from discovery.identity import names_other_than
from discovery.instance import Instance
from discovery.reply import R, Sending, Settle
from discovery.tracing import conventions
from discovery.upstream import Upstream

Start = Callable[[Upstream, "Settle[R]", Context], Sending]
"""Sends the request to an upstream, with the marks of this context."""


class Attempts(Generic[R]):
    """Satisfies `Send`. `parent` is said here and not looked for later: a hedge is begun by a timer."""

    def __init__(self, tracer: Tracer, start: Start[R], *, parent: Context, method: str, path: str) -> None:
        self._tracer = tracer
        self._start = start
        self._parent = parent
        self._method = method
        self._path = path
        self._sent = 0

    def __call__(self, upstream: Upstream, settle: Settle[R]) -> Attempt[R]:
        span = self._tracer.start_span(
            conventions.span_name(self._method),
            context=self._parent,
            kind=SpanKind.CLIENT,
            attributes=self._attributes(upstream.instance),
        )
        self._sent += 1
        attempt: Attempt[R] = Attempt(span, upstream.instance, settle)
        attempt.sending = self._start(upstream, attempt.settle, set_span_in_context(span, self._parent))
        return attempt

    def _attributes(self, instance: Instance) -> dict[str, str | int]:
        resends = {conventions.RESEND_COUNT: self._sent} if self._sent else {}
        return {
            conventions.METHOD: conventions.method_of(self._method),
            conventions.URL: f"http://{instance.authority}{self._path}",
            conventions.ADDRESS: instance.address,
            conventions.PORT: instance.port,
            conventions.SERVICE: instance.service,
            conventions.INSTANCE: instance.id,
            **resends,
        }


class Attempt(Generic[R]):
    """An attempt under way, and its span, which ends once. Says what the sending says."""

    __slots__ = ("_instance", "_settle", "_span", "sending")

    def __init__(self, span: Span, instance: Instance, settle: Settle[R]) -> None:
        self._span = span
        self._instance = instance
        self._settle = settle
        self.sending: Sending | None = None

    @property
    def has_heard(self) -> bool:
        return getattr(self.sending, "has_heard", False)

    @property
    def waits_for_client(self) -> bool:
        return getattr(self.sending, "waits_for_client", False)

    def settle(self, outcome: R | Exception) -> None:
        if self._span.is_recording():
            self._conclude(outcome)
        self._settle(outcome)

    def cancel(self) -> object:
        if self._span.is_recording():
            conventions.failed(self._span, "cancelled", "given up")
        return self.sending.cancel() if self.sending else None

    def _conclude(self, outcome: R | Exception) -> None:
        if isinstance(outcome, Exception):
            words = str(outcome) if isinstance(outcome, AttemptFailed) else None
            conventions.failed(self._span, type(outcome).__name__, words)
        elif names_other_than(self._instance, outcome.identity):
            conventions.failed(self._span, "WrongInstance", "somebody else answers on its port")
        else:
            conventions.answered(self._span, outcome.status, error_from=400)
