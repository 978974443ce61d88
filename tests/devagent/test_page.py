"""The page: complete in itself, alive, and not to be written into by what is registered."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from discovery.devagent.entries import Registration, Service
from discovery.devagent.view import snapshot
from tests.devagent.values import CRITICAL, Bench, check

REGISTER = "/v1/agent/service/register"
PARTS = {"": "text/html", "page.css": "text/css", "page.js": "text/javascript"}


@pytest.mark.parametrize("path", ["/", "/ui"])
async def test_people_are_led_to_it(http: httpx2.AsyncClient, path: str) -> None:
    response = await http.get(path)
    assert (response.status_code, response.headers["location"]) == (302, "/ui/")


@pytest.mark.parametrize(("part", "kind"), list(PARTS.items()))
async def test_its_parts_are_there_and_may_load_nothing_from_elsewhere(
    http: httpx2.AsyncClient, part: str, kind: str
) -> None:
    response = await http.get(f"/ui/{part}")
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{kind}; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"""(https?:)?//[a-z]|@import|url\((?!data:)""", _without_comments(response.text))


async def test_it_says_that_it_is_for_one_machine(http: httpx2.AsyncClient) -> None:
    text = (await http.get("/ui/")).text
    assert "Embedded registry for one machine." in text
    assert "It is not Consul." in text


async def test_nothing_is_ever_put_in_as_markup(http: httpx2.AsyncClient) -> None:
    text = _without_comments((await http.get("/ui/page.js")).text)
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"):
        assert way not in text


@pytest.mark.parametrize("part", ["page.py", "../__main__.py", "%2e%2e/settings.py", "page.css/"])
async def test_nothing_else_is_served(http: httpx2.AsyncClient, part: str) -> None:
    assert (await http.get(f"/ui/{part}")).status_code == 404


async def test_it_hears_of_changes_as_they_happen(http: httpx2.AsyncClient) -> None:
    async with http.stream("GET", "/ui/events") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        events = _snapshots(stream)
        assert _ids(await anext(events)) == ["consul"]
        await http.put(REGISTER, json={"Name": "<b>shop</b>", "ID": "shop-1", "Port": 1})
        assert _ids(await anext(events)) == ["shop-1", "consul"]
        await http.put("/v1/agent/service/deregister/shop-1")
        assert _ids(await anext(events)) == ["consul"]


async def test_text_cannot_end_an_event_early(http: httpx2.AsyncClient) -> None:
    await http.put(REGISTER, json={"Name": "a\n\ndata: {}\n\n", "ID": "x"})
    async with http.stream("GET", "/ui/events") as stream:
        shown = await anext(_snapshots(stream))
    assert shown["services"][0]["name"] == "a\n\ndata: {}\n\n"


def test_a_snapshot_shows_each_instance_with_its_worst_check() -> None:
    bench = Bench()
    bench.catalog.register(
        Registration(Service("shop-1", "shop", port=7, tags=("t",)), (check("c", "passing"), check("d", "passing"))),
        replace_checks=True,
    )
    bench.now += 1
    bench.catalog.report("d", CRITICAL)
    bench.now += 2
    shop, registry = snapshot(bench.catalog)["services"]
    (instance,) = shop["instances"]
    assert registry["name"] == "consul"
    assert (instance["status"], instance["address"], instance["port"]) == ("critical", "127.0.0.1", 7)
    assert [(each["status"], each["output"], each["age"]) for each in instance["checks"]] == [
        ("passing", "", 3.0),
        ("critical", "broken", 2.0),
    ]


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*//.*$|\s//\s.*$", "", text, flags=re.MULTILINE)


async def _snapshots(stream: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in stream.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def _ids(shown: dict[str, Any]) -> list[str]:
    return [instance["id"] for service in shown["services"] for instance in service["instances"]]
