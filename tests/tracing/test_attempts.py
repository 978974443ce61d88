"""A span for each attempt: ends once, however the attempt ends, and is a part of its caller's trace."""

from __future__ import annotations

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, get_current_span, set_span_in_context

from discovery.errors import ConnectRefused
from discovery.instance import Instance
from discovery.reply import Settle
from discovery.tracing.attempts import Attempts
from discovery.upstream import Upstream
from tests.fakes.instances import instance, says
from tests.fakes.sender import FakeReply, Sent
from tests.tracing.recording import Recording, error, ids, is_child, told
from tests.tracing.upstreams import upstream


class Sender:
    """`carried` are the spans whose marks went out, `settled` what the caller was told."""

    def __init__(self, recording: Recording, method: str = "GET", parent: Context | None = None) -> None:
        self.sent: list[Sent] = []
        self.carried: list[str] = []
        self.settled: list[FakeReply | Exception] = []
        self.send = Attempts(recording.tracer, self._start, parent=parent or Context(), method=method, path="/a")

    def _start(self, upstream: Upstream, settle: Settle[FakeReply], context: Context) -> Sent:
        self.carried.append(f"{get_current_span(context).get_span_context().span_id:016x}")
        self.sent.append(Sent(upstream.instance, settle, 0.0))
        return self.sent[-1]

    def to(self, who: Instance) -> Sent:
        self.attempt = self.send(upstream(who), self.settled.append)
        return self.sent[-1]


WEB, OTHER = instance(), instance("web-2", port=9002)


def test_an_answer_ends_it_well() -> None:
    recording = Recording()
    reply = (sender := Sender(recording)).to(WEB).answer(204)
    span = recording.attempt
    assert (span.name, span.kind, error(span)) == ("GET", SpanKind.CLIENT, None)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.full": "http://10.0.0.1:9000/a",
        "server.address": "10.0.0.1",
        "server.port": 9000,
        "mesh.service": "web",
        "mesh.instance": "web-1",
        "http.response.status_code": 204,
    }
    assert sender.settled == [reply]
    assert sender.carried == [ids(span)[1]]


def test_all_of_a_call_have_one_parent_and_are_counted() -> None:
    recording = Recording()
    whole = recording.tracer.start_span("whole")
    sender = Sender(recording, parent=set_span_in_context(whole))
    for who in (WEB, OTHER, WEB):
        sender.to(who).answer()
    whole.end()
    assert [told(each, "http.request.resend_count") for each in recording.attempts] == [None, 1, 2]
    assert all(is_child(each, recording.ended[-1]) for each in recording.attempts)
    assert len(set(sender.carried)) == 3


def test_a_failure_is_an_error_in_our_words() -> None:
    recording = Recording()
    (sender := Sender(recording)).to(WEB).settle(failure := ConnectRefused("nobody listens"))
    assert error(recording.attempt) == "ConnectRefused"
    assert recording.attempt.status.description == "nobody listens"
    assert sender.settled == [failure]


def test_what_others_say_of_a_failure_is_not_told() -> None:
    recording = Recording()
    Sender(recording).to(WEB).settle(ValueError("hush"))
    assert error(recording.attempt) == "ValueError"
    assert "hush" not in recording.attempt.to_json()


@pytest.mark.parametrize("status", [404, 422, 500, 503])
def test_an_answer_that_is_one_is_an_error(status: int) -> None:
    recording = Recording()
    Sender(recording).to(WEB).answer(status)
    assert error(recording.attempt) == str(status)
    assert told(recording.attempt, "http.response.status_code") == status


def test_a_stranger_is_no_answer() -> None:
    recording = Recording()
    Sender(recording).to(WEB).settle(FakeReply(200, says(OTHER)))
    assert error(recording.attempt) == "WrongInstance"


def test_one_that_is_given_up_ends_and_is_cancelled() -> None:
    recording = Recording()
    sent = (sender := Sender(recording)).to(WEB)
    sender.attempt.cancel()
    assert sent.is_cancelled
    assert error(recording.attempt) == "cancelled"


def test_it_ends_once() -> None:
    recording = Recording()
    sent = (sender := Sender(recording)).to(WEB)
    sent.answer()
    sender.attempt.cancel()
    sent.answer(500)
    assert error(recording.attempt) is None
    assert len(sender.settled) == 2, "who is told what is none of its business"


def test_a_method_that_a_client_made_up_is_not_told() -> None:
    recording = Recording()
    Sender(recording, method="HUSH").to(WEB).answer()
    assert (recording.attempt.name, told(recording.attempt, "http.request.method")) == ("HTTP", "_OTHER")


def test_one_that_is_not_sampled_carries_marks_all_the_same() -> None:
    recording = Recording(ALWAYS_OFF)
    (sender := Sender(recording)).to(WEB).answer()
    sender.to(WEB)
    sender.attempt.cancel()
    assert recording.ended == ()
    assert len({*sender.carried, "0" * 16}) == 3
