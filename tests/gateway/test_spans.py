"""What a gateway with a tracer tells of a request: a span around it, one for each attempt, and one trace for all."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, ParentBased
from opentelemetry.trace import SpanKind

from discovery.reply import KEPT
from services.gateway.trace import is_traceparent
from tests.tracing.recording import Recording, error, ids, is_child, told, traceparent

from .front import front
from .instances import (
    BOOT,
    Side,
    answer,
    echoes,
    hangs,
    raw_instance,
    resets,
    says,
    signed,
)
from .waiting import until

TRACE, PARENT = b"0af7651916cd43dd8448eb211c80319c", b"b7ad6b7169203331"
CLIENTS = b"00-" + TRACE + b"-" + PARENT + b"-01"
SAFE = ("urlprefix-/shop replay=safe",)
HELLO = answer(b"hello")


def get(*fields: bytes, target: bytes = b"/shop/a", method: bytes = b"GET") -> bytes:
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: a", *fields, b"", b""])


async def test_a_request_is_a_span_and_its_attempt_another_that_the_instance_is_told_of() -> None:
    recording = Recording()
    async with (
        raw_instance(says(HELLO), tags=("urlprefix-/shop strip=/shop",)) as web,
        front(web, tracer=recording.tracer) as gateway,
    ):
        assert (await gateway.ask(get(target=b"/shop/a?key=hush"))).body == b"hello"
        assert (recording.server.name, recording.server.parent) == ("GET /shop", None)
        assert dict(recording.server.attributes or {}) == {
            "http.request.method": "GET",
            "http.route": "/shop",
            "url.path": "/shop/a",
            "url.scheme": "http",
            "network.protocol.version": "1.1",
            "http.response.status_code": 200,
        }
        assert is_child(recording.attempt, recording.server)
        assert told(recording.attempt, "url.full") == f"http://{web.instance.authority}/a"
        assert told(recording.attempt, "mesh.instance") == "web-1"
        assert web.only.one(b"traceparent") == traceparent(recording.attempt)
        assert "hush" not in "".join(each.to_json() for each in recording.ended)


async def test_a_clients_trace_goes_on_with_all_that_it_carries() -> None:
    recording = Recording()
    async with raw_instance(says(HELLO)) as web, front(web, tracer=recording.tracer) as gateway:
        await gateway.ask(get(b"traceparent: " + CLIENTS, b"tracestate: a=1", b"tracestate: b=2", b"x-a: " + CLIENTS))
        assert recording.server.parent is not None
        assert f"{recording.server.parent.span_id:016x}".encode() == PARENT
        assert {ids(each)[0].encode() for each in recording.ended} == {TRACE}
        assert web.only.one(b"traceparent") == traceparent(recording.attempt)
        assert web.only.all(b"tracestate") == [b"a=1", b"b=2"]
        assert web.only.one(b"x-a") == CLIENTS


@pytest.mark.parametrize(
    "said", [b"00-hush", CLIENTS.replace(TRACE, b"0" * 32), CLIENTS + b"\r\ntraceparent: " + CLIENTS]
)
async def test_what_is_no_trace_begins_a_new_one(said: bytes) -> None:
    recording = Recording()
    async with raw_instance(says(HELLO)) as web, front(web, tracer=recording.tracer) as gateway:
        await gateway.ask(get(b"traceparent: " + said))
        assert recording.server.parent is None
        assert TRACE not in traceparent(recording.server)
        assert web.only.one(b"traceparent") == traceparent(recording.attempt)


async def test_a_client_that_does_not_sample_is_respected_and_so_is_its_trace() -> None:
    recording = Recording(DEFAULT_ON)
    async with raw_instance(says(HELLO)) as web, front(web, tracer=recording.tracer) as gateway:
        await gateway.ask(get(b"traceparent: " + CLIENTS[:-2] + b"00"))
        said = web.only.one(b"traceparent")
        assert is_traceparent(said)
        assert (said[3:35], said[-2:]) == (TRACE, b"00")
        assert recording.ended == ()


async def test_what_we_do_not_sample_is_not_sampled_behind_us_either() -> None:
    recording = Recording(ParentBased(ALWAYS_OFF))
    async with raw_instance(says(HELLO)) as web, front(web, tracer=recording.tracer) as gateway:
        await gateway.ask(get())
        said = web.only.one(b"traceparent")
        assert is_traceparent(said)
        assert int(said[-2:], 16) & 1 == 0
        assert recording.ended == ()


async def test_each_attempt_is_a_span_and_the_one_that_failed_says_so() -> None:
    recording = Recording()
    async with (
        raw_instance(resets, tags=SAFE) as first,
        raw_instance(resets, name="web-2", tags=SAFE) as second,
        raw_instance(says(HELLO), name="web-3", tags=SAFE) as third,
        front(first, second, third, tracer=recording.tracer) as gateway,
    ):
        while not any(map(error, recording.attempts)):
            assert (await gateway.ask(get())).status == 200
    failed, *_, good = (each for each in recording.attempts if each.parent == recording.attempts[-1].parent)
    assert (error(failed), error(good)) == ("ResponseLost", None)
    assert told(failed, "http.request.resend_count") is None
    assert (told(good, "mesh.instance"), told(good, "http.response.status_code")) == ("web-3", 200)
    for instance in (first, second, third):
        told_of = {
            traceparent(each) for each in recording.attempts if told(each, "mesh.instance") == instance.instance.id
        }
        assert {each.one(b"traceparent") for each in instance.requests} == told_of


async def test_a_hedge_that_is_outrun_ends_too() -> None:
    """The first attempt hangs, a second one beside it answers, and nobody waits for the first any more."""
    recording = Recording()
    async with (
        raw_instance(hangs, tags=SAFE) as slow,
        raw_instance(says(HELLO), name="web-2", tags=SAFE) as quick,
        front(slow, quick, tracer=recording.tracer) as gateway,
    ):
        while len(recording.attempts) < 2 or not slow.requests:
            assert (await gateway.ask(get())).body == b"hello"
        outrun, hedge = recording.attempts[-2:]
    assert (told(outrun, "mesh.instance"), error(outrun)) == ("web-1", "cancelled")
    assert (told(hedge, "mesh.instance"), error(hedge), told(hedge, "http.request.resend_count")) == ("web-2", None, 1)
    assert outrun.parent == hedge.parent
    assert slow.requests[-1].one(b"traceparent") == traceparent(outrun)


async def test_a_client_that_goes_away_ends_all() -> None:
    recording = Recording()
    async with (
        raw_instance(hangs) as web,
        front(web, tracer=recording.tracer) as gateway,
        gateway.client() as client,
    ):
        await client.say(get())
        await until(lambda: web.requests)
        client.go_away()
        await until(lambda: len(recording.ended) == 2)
    assert (error(recording.server), error(recording.attempt)) == ("client_gone", "cancelled")
    assert told(recording.server, "http.response.status_code") is None


async def test_an_answer_of_our_own_is_an_error_with_its_status() -> None:
    recording = Recording()
    async with raw_instance(hangs) as web, front(web, deadline=0.2, tracer=recording.tracer) as gateway:
        assert (await gateway.ask(get())).status == 504
    assert (error(recording.server), told(recording.server, "http.response.status_code")) == ("504", 504)
    assert error(recording.attempt) == "cancelled"


async def test_what_an_instance_refuses_is_no_error_of_the_gateway() -> None:
    recording = Recording()
    refused = answer(b"no", status=b"422 Unprocessable Content")
    async with raw_instance(says(refused)) as web, front(web, tracer=recording.tracer) as gateway:
        assert (await gateway.ask(get())).status == 422
    assert (error(recording.server), error(recording.attempt)) == (None, "422")


async def test_a_stranger_on_the_port_is_an_attempt_that_failed() -> None:
    recording = Recording()
    stranger = says(answer(b"I am somebody else", signed("other-7")))
    async with raw_instance(stranger, boot=BOOT) as web, front(web, tracer=recording.tracer) as gateway:
        assert (await gateway.ask(get())).status in (502, 503)
    assert {error(each) for each in recording.attempts} == {"WrongInstance"}


async def test_a_response_that_streams_is_told_when_it_is_through() -> None:
    recording, go = Recording(), asyncio.Event()

    async def streams(side: Side) -> None:
        await side.request()
        await side.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await go.wait()
        await side.say(b"0\r\n\r\n")

    async with (
        raw_instance(streams) as web,
        front(web, tracer=recording.tracer) as gateway,
        gateway.client() as client,
    ):
        await client.say(get())
        await client.until(b"\r\na\r\n")
        assert [each.kind for each in recording.ended] == [SpanKind.CLIENT]
        go.set()
        await client.until(b"0\r\n\r\n")
        await until(lambda: len(recording.ended) == 2)


async def test_a_body_that_streams_carries_its_mark_too() -> None:
    recording = Recording()
    body = b"x" * (KEPT + 1)
    request = get(b"Content-Length: %d" % len(body), method=b"PUT") + body
    async with raw_instance(echoes) as web, front(web, tracer=recording.tracer) as gateway:
        assert (await gateway.ask(request)).body == body
        assert web.only.one(b"traceparent") == traceparent(recording.attempt)


async def test_each_request_on_one_connection_is_a_trace_of_its_own() -> None:
    recording = Recording()
    async with (
        raw_instance(says(HELLO)) as web,
        front(web, tracer=recording.tracer) as gateway,
        gateway.client() as client,
    ):
        for _ in range(3):
            await client.say(get())
            await client.answer()
        assert len({ids(each)[0] for each in recording.attempts}) == 3
        assert [each.one(b"traceparent") for each in web.requests] == [traceparent(each) for each in recording.attempts]


async def test_what_is_refused_by_its_head_has_no_span() -> None:
    recording = Recording()
    async with raw_instance(says(HELLO), tags=SAFE) as web, front(web, tracer=recording.tracer) as gateway:
        assert (await gateway.ask(get(target=b"/elsewhere"))).status == 404
        assert recording.ended == ()
