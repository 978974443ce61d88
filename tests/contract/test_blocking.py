"""Blocking queries: they answer when there is news, when the time is over, and not before."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from tests.contract.asking import Answer, Asking, after
from tests.contract.checked import Checked
from tests.registries import DEADLINE, Registry

LONG = f"{DEADLINE:g}s"
SOON = DEADLINE / 2
"""Seconds: an answer that came before this cannot have waited for the time to be over."""


async def test_an_answer_carries_index_and_leader(ask: Asking) -> None:
    response = await ask.http.get("/v1/health/service/a")
    assert int(response.headers["x-consul-index"]) > 0
    assert response.headers["x-consul-knownleader"] == "true"
    assert response.headers["x-consul-lastcontact"] == "0"


@pytest.mark.parametrize("known", ["", "0", "1"])
async def test_no_index_or_an_old_one_is_answered_at_once(ask: Asking, known: str) -> None:
    await ask.register("a")
    answer = await ask.health("a", index=known, wait=LONG)
    assert len(answer.value) == 1
    assert answer.took < SOON


@pytest.mark.parametrize("path", ["/v1/health/service/a", "/v1/catalog/service/a", "/v1/catalog/services"])
async def test_without_news_the_same_index_comes_when_the_time_is_over(ask: Asking, path: str) -> None:
    await ask.register("a")
    known = await ask.get(path)
    answer = await ask.get(path, index=known.index, wait="300ms")
    assert (answer.index, answer.value) == (known.index, known.value)
    assert answer.took >= 0.3


async def test_an_index_from_the_future_waits_too_and_gets_the_true_one(ask: Asking) -> None:
    await ask.register("a")
    known = await ask.index("a")
    answer = await ask.health("a", index=known + 1000, wait="300ms")
    assert answer.index == known
    assert answer.took >= 0.3


@pytest.mark.parametrize("path", ["/v1/health/service/a", "/v1/catalog/service/a", "/v1/catalog/services"])
async def test_a_registration_is_news(ask: Asking, path: str) -> None:
    await ask.register("a", ID="a-1")
    known = await ask.get(path)
    waiting = asyncio.create_task(ask.get(path, index=known.index, wait=LONG))
    await after(0.1, ask.register("a", ID="a-2", Tags=["new"]))
    answer = await waiting
    assert answer.index > known.index
    assert answer.value != known.value
    assert answer.took < SOON


async def test_a_deregistration_is_news(ask: Asking) -> None:
    await ask.register("a")
    known = await ask.index("a")
    waiting = asyncio.create_task(ask.health("a", index=known, wait=LONG))
    await after(0.1, ask.deregister("a"))
    answer = await waiting
    assert (answer.value, answer.index > known) == ([], True)
    assert answer.took < SOON


async def test_the_first_instance_of_a_service_is_news_to_who_waited_for_it(ask: Asking) -> None:
    known = await ask.index("late")
    answer = await _while(ask, "late", known, ask.register("late"))
    assert [entry["Service"]["ID"] for entry in answer.value] == ["late"]
    assert answer.index > known


async def test_the_end_of_another_service_is_news_to_who_waits_for_one_that_is_not_there(ask: Asking) -> None:
    await ask.register("other")
    await ask.deregister("other")
    known = await ask.index("late")
    await ask.register("another")
    await ask.deregister("another")
    answer = await ask.health("late", index=known, wait=LONG)
    assert (answer.value, answer.index > known) == ([], True)


async def test_a_check_that_fails_is_news_but_not_to_the_list_of_services(ask: Asking, checked: Checked) -> None:
    await ask.register("a", Check=checked.http_check("a:1", Status="passing"))
    known, services = await ask.index("a"), (await ask.get("/v1/catalog/services")).index
    checked.status = "500 Internal Server Error"
    answer = await ask.health("a", index=known, wait=LONG)
    assert answer.index > known
    assert answer.value[0]["Checks"][1]["Status"] == "critical"
    assert (await ask.get("/v1/catalog/services")).index == services


async def test_what_happens_to_others_is_no_news(ask: Asking) -> None:
    await ask.register("a")
    known = await ask.index("a")
    waiting = asyncio.create_task(ask.health("a", index=known, wait="1s"))
    await after(0.1, ask.register("b"))
    await ask.deregister("b")
    answer = await waiting
    assert answer.index == known
    assert answer.took >= 1


async def test_registering_again_without_a_change_is_no_news(ask: Asking) -> None:
    await ask.register("a", Port=1, Tags=["t"], Meta={"k": "v"})
    known = await ask.index("a")
    await ask.register("a", Port=1, Tags=["t"], Meta={"k": "v"})
    assert await ask.index("a") == known


async def test_many_may_wait_for_the_same(ask: Asking, registry: Registry) -> None:
    await ask.register("a")
    known = await ask.index("a")
    limits = httpx2.Limits(max_connections=60)
    async with httpx2.AsyncClient(
        base_url=registry.url, timeout=DEADLINE, limits=limits, trust_env=False, verify=False
    ) as http:
        waiting = [asyncio.create_task(Asking(http).health("a", index=known, wait=LONG)) for _ in range(50)]
        await after(0.2, ask.deregister("a"))
        assert {answer.index > known for answer in await asyncio.gather(*waiting)} == {True}


async def test_a_description_is_answered_at_once_to_who_has_seen_another(ask: Asking) -> None:
    await ask.register("a")
    response = await ask.http.get("/v1/agent/service/a", params={"hash": "0123456789abcdef", "wait": LONG})
    assert response.headers["x-consul-contenthash"] == response.json()["ContentHash"]


async def test_a_description_that_stays_is_answered_when_the_time_is_over(ask: Asking) -> None:
    await ask.register("a", Port=1)
    seen = (await ask.get("/v1/agent/service/a")).value["ContentHash"]
    waiting = asyncio.create_task(ask.get("/v1/agent/service/a", hash=seen, wait="1s"))
    await after(0.1, ask.register("a", Port=1))
    answer = await waiting
    assert answer.value["ContentHash"] == seen
    assert answer.took >= 1


async def test_a_description_that_changes_is_answered_then(ask: Asking) -> None:
    await ask.register("a", Port=1)
    seen = (await ask.get("/v1/agent/service/a")).value["ContentHash"]
    waiting = asyncio.create_task(ask.get("/v1/agent/service/a", hash=seen, wait=LONG))
    await after(0.1, ask.register("a", Port=2))
    answer = await waiting
    assert (answer.value["Port"], answer.value["ContentHash"] != seen) == (2, True)
    assert answer.took < SOON


async def test_an_instance_that_is_forgotten_learns_it_at_once(ask: Asking) -> None:
    await ask.register("a")
    seen = (await ask.get("/v1/agent/service/a")).value["ContentHash"]
    waiting = asyncio.create_task(ask.http.get("/v1/agent/service/a", params={"hash": seen, "wait": LONG}))
    await after(0.1, ask.deregister("a"))
    response = await waiting
    assert (response.status_code, response.text.strip()) == (404, "unknown service ID: a")
    assert response.elapsed.total_seconds() < SOON


async def _while(ask: Asking, name: str, known: int, action: object) -> Answer:
    """The answer to a query that is waiting while the action happens."""
    waiting = asyncio.create_task(ask.health(name, index=known, wait=LONG))
    await asyncio.sleep(0.1)
    await action  # type: ignore[misc]
    answer = await waiting
    assert answer.took < SOON
    return answer
