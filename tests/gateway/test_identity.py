"""Who answers? A stranger on an instance's port is not believed; a successor is."""

from __future__ import annotations

import pytest

from .front import front
from .instances import BOOT, NEWER_BOOT, Side, answer, raw_instance, says, signed
from .waiting import until

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
STRANGER = answer(b"I am somebody else", signed("other-7"))


async def test_who_says_its_own_name_is_believed_and_the_client_sees_nothing_of_it() -> None:
    async with raw_instance(says(answer(b"hello", signed("web-1"))), boot=BOOT) as web, front(web) as gateway:
        got = await gateway.ask(GET)
        assert (got.body, got.one(b"x-served-by")) == (b"hello", b"web-1")
        assert not got.all(b"x-mesh-instance")


async def test_a_newer_process_of_the_same_instance_is_its_successor() -> None:
    response = answer(b"hello", signed("web-1", NEWER_BOOT))
    async with raw_instance(says(response), boot=BOOT) as web, front(web) as gateway:
        assert (await gateway.ask(POST)).body == b"hello"


@pytest.mark.parametrize("request_", [GET, POST])
@pytest.mark.parametrize(
    "response",
    [
        STRANGER,
        answer(b"nameless"),
        answer(b"empty", b"X-Mesh-Instance:"),
        answer(b"nearly", signed("web-11")),
        STRANGER.replace(b"200 OK", b"500 Oops"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Hints\r\n" + signed("web-1") + b"\r\n\r\n" + STRANGER,
    ],
)
async def test_a_strangers_answer_is_thrown_away_and_another_instance_asked(request_: bytes, response: bytes) -> None:
    """Whatever the method: it was not the service that got the request."""
    async with (
        raw_instance(says(response), name="web-1", boot=BOOT) as taken,
        raw_instance(says(answer(b"hello", signed("web-2"))), name="web-2", boot=BOOT) as good,
        front(taken, good) as gateway,
    ):
        for _ in range(10):
            got = await gateway.ask(request_)
            assert (got.status, got.body, got.one(b"x-served-by")) == (200, b"hello", b"web-2")
        assert len(taken.requests) == 1
        assert len(good.requests) == 10


async def test_a_stranger_gets_no_second_request_even_when_nobody_else_is_there() -> None:
    async with raw_instance(says(STRANGER), boot=BOOT) as taken, front(taken) as gateway:
        answers = [await gateway.ask(GET) for _ in range(5)]
        assert {each.status for each in answers} == {503}
        assert b"somebody else answers on its port" in answers[0].body
        assert not any(b"I am somebody else" in each.body for each in answers)
        assert len(taken.requests) == 1


async def test_a_strangers_endless_answer_is_not_waited_for() -> None:
    async def pours(side: Side) -> None:
        await side.request()
        await side.say(b"HTTP/1.1 200 OK\r\n" + signed("other-7") + b"\r\n\r\n")
        while True:
            await side.say(b"x" * 65536)

    async with raw_instance(pours, boot=BOOT) as taken, front(taken) as gateway:
        assert (await gateway.ask(POST)).status == 503
        await until(lambda: not taken.open)


async def test_an_instance_that_others_registered_need_not_say_who_it_is() -> None:
    async with raw_instance(says(answer(b"hello"))) as web, front(web) as gateway:
        assert (await gateway.ask(GET)).one(b"x-served-by") == b"web-1"
