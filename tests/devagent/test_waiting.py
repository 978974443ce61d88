"""Watches and blocking queries, without a server."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from discovery.devagent import blocking
from discovery.devagent.blocking import BadQuery, Seen, until_news
from discovery.devagent.messages import Request
from discovery.devagent.topics import ANYTHING, SERVICES, service
from discovery.devagent.watches import Watches

LONG = 30.0


def asking(**query: str) -> Request:
    return Request("GET", "/", {name: [value] for name, value in query.items()}, {})


async def test_who_waits_is_woken_by_its_topic() -> None:
    watches = Watches()
    waiting = asyncio.create_task(watches.wait({SERVICES, service("a")}, LONG))
    await asyncio.sleep(0)
    watches.ring({service("b"), ANYTHING})
    await asyncio.sleep(0)
    assert not waiting.done()
    watches.ring({service("a")})
    assert await waiting


async def test_time_can_be_over() -> None:
    assert not await Watches().wait({SERVICES}, 0.01)
    assert not await Watches().wait({SERVICES}, -1)


async def test_closing_wakes_everyone_for_good() -> None:
    watches = Watches()
    waiting = asyncio.create_task(watches.wait({SERVICES}, LONG))
    await asyncio.sleep(0)
    watches.close()
    assert not await waiting
    assert not await watches.wait({SERVICES}, LONG)


@pytest.mark.parametrize("end", ["ring", "time", "cancel"])
async def test_nothing_is_left_of_who_waited(end: str) -> None:
    watches = Watches()
    waiting = asyncio.create_task(watches.wait({SERVICES, ANYTHING}, 0.01 if end == "time" else LONG))
    await asyncio.sleep(0)
    assert watches.sleeping == 1
    if end == "ring":
        watches.ring({ANYTHING})
    if end == "cancel":
        waiting.cancel()
    await asyncio.wait([waiting])
    assert watches.sleeping == 0


async def test_news_end_the_wait_and_other_bells_do_not() -> None:
    watches, looks = Watches(), count(1)

    def look() -> Seen[int]:
        number = next(looks)
        return Seen(number, number == 3, {SERVICES})

    waiting = asyncio.create_task(until_news(look, watches, seconds=LONG, random=lambda: 0))
    for _ in range(2):
        await asyncio.sleep(0)
        watches.ring({SERVICES})
    assert await waiting == 3


async def test_without_news_the_last_answer_comes_after_the_wait_and_a_part_of_its_sixteenth() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await until_news(lambda: Seen("old", False, {SERVICES}), Watches(), seconds=0.16, random=lambda: 1)
    assert answer == "old"
    assert loop.time() - began >= 0.17


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 300), ("0s", 300), ("-1s", 300), ("10s", 10), ("10m", 600), ("1h", 600), ("5ms", 0.005)]
)
def test_a_wait_has_a_default_and_a_maximum(text: str, seconds: float) -> None:
    assert blocking.wait(asking(wait=text)) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "index"), [("", 0), ("0", 0), ("0012", 12), ("18446744073709551615", 2**64 - 1)])
def test_an_index_is_an_unsigned_64_bit_number(text: str, index: int) -> None:
    assert blocking.index(asking(index=text)) == index


@pytest.mark.parametrize("text", ["18446744073709551616", "٣", "1" * 5000, " 1"])
def test_and_nothing_else(text: str) -> None:
    with pytest.raises(BadQuery, match="Invalid index"):
        blocking.index(asking(index=text))
