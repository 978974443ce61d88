"""A call by httpx2: what is sent carries the marks of its attempt, and its trace is that of whoever calls."""

from __future__ import annotations

import httpx2
from opentelemetry.trace import use_span

from discovery.exchange import HttpxReply
from discovery.reply import Settle
from discovery.tracing.calls import traced
from discovery.upstream import Upstream
from tests.fakes.instances import instance
from tests.fakes.sender import Sent
from tests.tracing.recording import Recording, error, ids, is_child, told, traceparent
from tests.tracing.upstreams import upstream

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
URL = "http://web/a?key=hush"


def sent(recording: Recording, request: httpx2.Request, attempts: int = 1) -> list[httpx2.Headers]:
    """What each attempt would send; all are given up."""
    found: list[httpx2.Headers] = []

    def send(to: Upstream, settle: Settle[HttpxReply], headers: httpx2.Headers) -> Sent:
        found.append(headers)
        return Sent(to.instance, settle, 0.0)  # type: ignore[arg-type] # nobody answers

    call = traced(recording.tracer, request, send)
    for _ in range(attempts):
        call(upstream(instance()), lambda _: None).cancel()
    return found


def test_each_attempt_sends_its_own_marks_and_the_request_stays_as_it_was() -> None:
    recording = Recording()
    request = httpx2.Request("POST", URL, headers={"X-A": "1"})
    first, second = sent(recording, request, attempts=2)
    assert [each["traceparent"].encode() for each in (first, second)] == [
        traceparent(each) for each in recording.attempts
    ]
    assert first["traceparent"] != second["traceparent"]
    assert first["x-a"] == "1"
    assert "traceparent" not in request.headers
    assert {(each.name, error(each)) for each in recording.attempts} == {("POST", "cancelled")}
    assert {told(each, "url.full") for each in recording.attempts} == {"http://10.0.0.1:9000/a"}


def test_the_span_that_is_current_is_the_parent_whatever_the_request_says() -> None:
    recording = Recording()
    request = httpx2.Request("GET", URL, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    with use_span(recording.tracer.start_span("whole"), end_on_exit=True):
        (headers,) = sent(recording, request)
    assert is_child(recording.attempt, recording.ended[-1])
    assert headers["traceparent"].encode() == traceparent(recording.attempt)


def test_without_one_the_request_may_say_which() -> None:
    recording = Recording()
    said = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=1"}
    (headers,) = sent(recording, httpx2.Request("GET", URL, headers=said))
    assert ids(recording.attempt)[0] == TRACE
    assert recording.attempt.parent is not None
    assert f"{recording.attempt.parent.span_id:016x}" == PARENT
    assert headers["tracestate"] == "a=1"
