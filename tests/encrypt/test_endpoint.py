"""Endpoints and middleware: composed in order, reported once, limited."""

from __future__ import annotations

import asyncio
import logging

import pytest

from services.encrypt.endpoint import (
    Context,
    DecryptRequest,
    DecryptResponse,
    EncryptRequest,
    EncryptResponse,
    Endpoint,
    Middleware,
    Request,
    Response,
    chain,
    endpoints,
)
from services.encrypt.errors import Broken, CannotDecrypt, EncryptError, InvalidInput, Overloaded, TextTooLong
from services.encrypt.middleware import Limit, Report, reported, to_all, to_log

from .doubles import Clock, Records, until

CONTEXT = Context(request_id="r-1", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")


class Reversal:
    """An EncryptService that is easy to foresee."""

    async def encrypt(self, key: str, text: str) -> str:
        return f"{key}:{text[::-1]}"

    async def decrypt(self, key: str, message: str) -> str:
        return message.removeprefix(f"{key}:")[::-1]


def noting(name: str, notes: list[str]) -> Middleware:
    def wrap(following: Endpoint[Request, Response]) -> Endpoint[Request, Response]:
        async def call(context: Context, request: Request) -> Response:
            notes.append(f"{name} in")
            response = await following(context, request)
            notes.append(f"{name} out")
            return response

        return call

    return wrap


def raising(error: BaseException) -> Endpoint[str, str]:
    async def call(_: Context, __: str) -> str:
        raise error

    return call


async def echo(_: Context, request: str) -> str:
    return request


async def test_each_operation_has_an_endpoint_of_its_own() -> None:
    wrapped: list[str] = []

    def note(operation: str) -> Middleware:
        wrapped.append(operation)
        return chain()

    served = endpoints(Reversal(), note)
    sealed = await served.encrypt(CONTEXT, EncryptRequest(text="abc", key="k"))
    assert sealed == EncryptResponse("k:cba")
    assert await served.decrypt(CONTEXT, DecryptRequest(sealed.message, key="k")) == DecryptResponse("abc")
    assert wrapped == ["encrypt", "decrypt"]


async def test_a_request_meets_the_middleware_in_the_order_in_which_it_is_named() -> None:
    notes: list[str] = []
    call = chain(noting("a", notes), noting("b", notes), noting("c", notes))(echo)
    assert await call(CONTEXT, "asked") == "asked"
    assert notes == ["a in", "b in", "c in", "c out", "b out", "a out"]


def test_no_request_or_response_shows_what_is_in_it() -> None:
    secret = "a secret thing"
    for each in (
        EncryptRequest(secret, secret),
        EncryptResponse(secret),
        DecryptRequest(secret, secret),
        DecryptResponse(secret),
    ):
        assert "secret thing" not in f"{each} {each!r}"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (InvalidInput("key", "is wrong"), "invalid"),
        (TextTooLong("text", "is long"), "invalid"),
        (CannotDecrypt(), "undecipherable"),
        (Overloaded(), "overloaded"),
        (Broken(), "broken"),
        (RuntimeError("unforeseen"), "broken"),
        (asyncio.CancelledError(), "abandoned"),
    ],
)
async def test_a_call_that_fails_is_reported_and_fails_as_it_did(error: BaseException, outcome: str) -> None:
    reports: list[Report] = []
    with pytest.raises(type(error)):
        await reported("decrypt", reports.append, Clock())(raising(error))(CONTEXT, "asked")
    assert reports == [Report("decrypt", outcome, 0.0, CONTEXT)]


async def test_a_call_that_succeeds_is_reported_with_its_time() -> None:
    clock, reports, others = Clock(), list[Report](), list[Report]()

    async def slow(_: Context, request: str) -> str:
        clock.now += 1.5
        return request

    await reported("encrypt", to_all(reports.append, others.append), clock)(slow)(CONTEXT, "asked")
    assert reports == others == [Report("encrypt", "ok", 1.5, CONTEXT)]


def test_every_error_has_an_outcome_of_its_own_or_its_parents() -> None:
    leaves: list[type[EncryptError]] = [InvalidInput, TextTooLong, CannotDecrypt, Overloaded, Broken]
    assert set(EncryptError.__subclasses__()) <= set(leaves)
    assert {each.outcome for each in leaves} == {"invalid", "undecipherable", "overloaded", "broken"}


def test_one_line_for_each_report() -> None:
    records = Records()
    log = logging.Logger("a log of its own")
    log.addHandler(records)
    to_log(log)(Report("encrypt", "ok", 0.01234567, CONTEXT))
    to_log(log)(Report("decrypt", "undecipherable", 2.0, Context()))
    first, second = (record.__dict__ for record in records.records)
    assert (first["operation"], first["outcome"], first["seconds"]) == ("encrypt", "ok", 0.012346)
    assert (first["request_id"], first["traceparent"]) == (CONTEXT.request_id, CONTEXT.traceparent)
    assert "request_id" not in second
    assert "traceparent" not in second


async def test_a_limit_holds_over_all_endpoints_that_share_it() -> None:
    limit, go = Limit(2), asyncio.Event()

    async def held(_: Context, request: str) -> str:
        await go.wait()
        return request

    one, another = limit(held), limit(held)
    calls = [asyncio.create_task(one(CONTEXT, "1")), asyncio.create_task(another(CONTEXT, "2"))]
    await until(lambda: limit.in_flight == 2)
    with pytest.raises(Overloaded):
        await another(CONTEXT, "3")
    calls[0].cancel()
    await until(lambda: limit.in_flight == 1)
    go.set()
    assert await one(CONTEXT, "4") == "4"
    await calls[1]
    with pytest.raises(LookupError):
        await limit(raising(LookupError()))(CONTEXT, "5")
    assert limit.in_flight == 0
