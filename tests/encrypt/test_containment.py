"""The last border: nothing unforeseen gets out with its own words."""

from __future__ import annotations

import logging
from functools import partial

import httpx2
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.encrypt.containment import Containment, anonymous
from services.encrypt.errors import Broken

from .doubles import Records


async def breaking_at_once(_: Scope, __: Receive, ___: Send) -> None:
    raise LookupError("hush")


async def breaking_late(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise LookupError("hush")


def contained(app: ASGIApp) -> tuple[Containment, Records]:
    records, log = Records(), logging.Logger("a log of its own")
    log.addHandler(records)
    return Containment(app, answer=partial(PlainTextResponse, "wrong", 500), log=log), records


async def test_an_error_becomes_a_500_and_a_line_that_says_what_and_where() -> None:
    app, records = contained(breaking_at_once)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://encrypt") as http:
        response = await http.get("/")
    assert (response.status_code, response.text) == (500, "wrong")
    (record,) = records.records
    assert record.__dict__["error"] == "LookupError"
    assert record.__dict__["at"][-1].startswith(__file__)
    assert "hush" not in records.said()


async def test_after_the_first_byte_there_is_nothing_left_but_to_break_off() -> None:
    app, records = contained(breaking_late)
    with pytest.raises(Broken) as caught:
        await app({"type": "http"}, nothing, ignored)
    assert caught.value.__context__ is None
    assert "hush" not in records.said()


async def test_what_is_not_http_is_none_of_its_business() -> None:
    app, records = contained(breaking_at_once)
    with pytest.raises(LookupError):
        await app({"type": "lifespan"}, nothing, ignored)
    assert records.records == []


def test_an_anonymous_error_has_no_message() -> None:
    assert anonymous(ValueError("hush")) == {"error": "ValueError", "at": []}


async def nothing() -> Message:
    raise AssertionError("nobody asks for the request")


async def ignored(_: Message) -> None:
    pass
