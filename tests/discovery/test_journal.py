"""What happened, newest first: kept within bounds, told to those who listen, and logged."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest

from discovery.journal import Journal
from tests.fakes.simulation import simulated

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def test_the_newest_comes_first_and_the_oldest_goes() -> None:
    journal = Journal(keep=3)
    for number in range(5):
        journal.record(f"kind-{number}")
    assert [each.kind for each in journal.newest()] == ["kind-4", "kind-3", "kind-2"]
    assert [each.kind for each in journal.newest(1)] == ["kind-4"]
    assert [each.id for each in journal.newest()] == [5, 4, 3]


def test_an_event_says_what_when_and_of_whom() -> None:
    journal = Journal(now=lambda: MOMENT)
    journal.record("instance_ejected", service="web", instance="web-1", cause="no answer")
    (event,) = journal.newest()
    assert (event.at, event.kind, event.service, event.instance) == (MOMENT, "instance_ejected", "web", "web-1")
    assert event.detail == {"cause": "no answer"}


def test_it_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Journal().record("instance_ejected", instance="web-1", cause="no answer")
    (record,) = caplog.records
    assert (record.message, record.__dict__["instance"], record.__dict__["cause"]) == (
        "instance_ejected",
        "web-1",
        "no answer",
    )


@simulated
async def test_those_who_listen_hear_everything_from_then_on_in_order() -> None:
    journal = Journal()
    journal.record("before")
    async with journal.listen() as events, journal.listen() as others:
        for number in range(3):
            journal.record(f"kind-{number}")
        for heard in (events, others):
            assert [(await anext(heard)).kind for _ in range(3)] == ["kind-0", "kind-1", "kind-2"]


@simulated
async def test_one_that_waits_is_woken() -> None:
    journal = Journal()
    async with journal.listen() as events:
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(1)
        assert not waiting.done()
        journal.record("now")
        assert (await waiting).kind == "now"


@simulated
async def test_one_that_falls_behind_loses_the_oldest_and_slows_nobody() -> None:
    journal = Journal()
    async with journal.listen() as events:
        for _ in range(5000):
            journal.record("x")
        heard = [await anext(events) for _ in range(1000)]
        assert (heard[0].id, heard[-1].id) == (4001, 5000)


@simulated
async def test_one_that_has_gone_is_forgotten() -> None:
    journal = Journal()
    for _ in range(100):
        async with journal.listen():
            pass
    assert journal._listeners == set()
