"""Who registers is found, as described, until who deregisters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.asking import Asking, eventually

ENCRYPT: dict[str, Any] = {
    "ID": "encrypt-1",
    "Address": "127.0.0.1",
    "Port": 9999,
    "Tags": ["urlprefix-/encrypt replay=safe", "urlprefix-/decrypt replay=safe"],
    "Meta": {"version": "1", "boot_id": "b"},
    "Weights": {"Passing": 10, "Warning": 2},
}


async def test_an_instance_is_found_as_it_was_described(ask: Asking) -> None:
    await ask.register("encrypt", **ENCRYPT)
    (entry,) = (await ask.health("encrypt")).value
    assert entry["Service"]["Service"] == "encrypt"
    assert {name: entry["Service"][name] for name in ENCRYPT} == ENCRYPT
    assert [check["CheckID"] for check in entry["Checks"]] == ["serfHealth"]
    assert entry["Node"]["Address"] == "127.0.0.1"


async def test_agent_and_catalog_tell_the_same(ask: Asking) -> None:
    await ask.register("encrypt", **ENCRYPT)
    (cataloged,) = (await ask.get("/v1/catalog/service/encrypt")).value
    assert cataloged["ServiceName"] == "encrypt"
    assert {name: cataloged[f"Service{name}"] for name in ENCRYPT} == ENCRYPT
    on_agent = (await ask.get("/v1/agent/services")).value
    assert list(on_agent) == ["encrypt-1"]
    assert {name: on_agent["encrypt-1"][name] for name in ENCRYPT} == ENCRYPT
    alone = (await ask.get("/v1/agent/service/encrypt-1")).value
    assert alone == {**on_agent["encrypt-1"], "ContentHash": alone["ContentHash"]}
    assert alone["TaggedAddresses"]["lan_ipv4"] == {"Address": "127.0.0.1", "Port": 9999}


async def test_what_is_not_said_has_consuls_defaults(ask: Asking) -> None:
    await ask.register("plain")
    found = (await ask.get("/v1/agent/service/plain")).value
    assert len(found.pop("ContentHash")) == 16
    assert found == {
        "ID": "plain",
        "Service": "plain",
        "Tags": [],
        "Meta": {},
        "Port": 0,
        "Address": "",
        "Weights": {"Passing": 1, "Warning": 1},
        "EnableTagOverride": False,
    }


async def test_names_of_fields_may_be_written_in_lower_case_or_with_underscores(ask: Asking) -> None:
    await ask.register("low", ID="low-1", port=3, tags=["a"], enable_tag_override=True)
    found = (await ask.get("/v1/agent/service/low-1")).value
    assert (found["Port"], found["Tags"], found["EnableTagOverride"]) == (3, ["a"], True)


@pytest.mark.parametrize("service_id", ["two words", "with/slash", "ünïcode", "100%", "a?b#c"])
async def test_an_id_may_be_any_text(ask: Asking, service_id: str) -> None:
    await ask.register("odd", ID=service_id)
    answer = await ask.http.get("/v1/agent/services")
    assert list(answer.json()) == [service_id]


async def test_half_a_character_does_not_spoil_the_answers(ask: Asking) -> None:
    response = await ask.http.put(
        "/v1/agent/service/register", content=rb'{"Name": "half", "Tags": ["\ud800"], "Meta": {"k": "' + b'\xff"}}'
    )
    assert response.status_code == 200
    found = (await ask.get("/v1/agent/service/half")).value
    assert (found["Tags"], found["Meta"]) == (["\ufffd"], {"k": "\ufffd"})


async def test_services_are_listed_with_the_tags_of_all_their_instances_and_consul_among_them(
    ask: Asking,
) -> None:
    await ask.register("shop", ID="shop-1", Tags=["b", "a"])
    await ask.register("shop", ID="shop-2", Tags=["c", "a"])
    await ask.register("bare")
    listed = (await ask.get("/v1/catalog/services")).value
    assert {name: sorted(tags) for name, tags in listed.items()} == {"bare": [], "consul": [], "shop": ["a", "b", "c"]}
    assert "consul" not in (await ask.get("/v1/agent/services")).value


async def test_consul_itself_is_a_service_that_passes(ask: Asking) -> None:
    (entry,) = (await ask.health("consul", passing="")).value
    assert (entry["Service"]["ID"], entry["Service"]["Service"]) == ("consul", "consul")
    assert entry["Service"]["Meta"]["version"]


async def test_instances_come_in_the_order_of_their_ids(ask: Asking) -> None:
    for number in (3, 1, 2):
        await ask.register("shop", ID=f"shop-{number}")
    entries = (await ask.health("shop")).value
    assert [entry["Service"]["ID"] for entry in entries] == ["shop-1", "shop-2", "shop-3"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tag=a", {"shop-1", "shop-2"}),
        ("tag=A", {"shop-1", "shop-2"}),
        ("tag=b", {"shop-1"}),
        ("tag=a&tag=c", {"shop-2"}),
        ("tag=b&tag=c", set()),
        ("tag=", set()),
    ],
)
async def test_tags_narrow_the_answer(ask: Asking, query: str, found: set[str]) -> None:
    await ask.register("shop", ID="shop-1", Tags=["a", "b"])
    await ask.register("shop", ID="shop-2", Tags=["a", "c"])
    health = (await ask.get(f"/v1/health/service/shop?{query}")).value
    catalog = (await ask.get(f"/v1/catalog/service/shop?{query}")).value
    assert {entry["Service"]["ID"] for entry in health} == found
    assert {entry["ServiceID"] for entry in catalog} == found


async def test_who_deregisters_is_gone_everywhere(ask: Asking) -> None:
    await ask.register("encrypt", **ENCRYPT)
    await ask.deregister("encrypt-1")

    async def is_gone() -> bool:
        return not (await ask.health("encrypt")).value

    await eventually(is_gone)
    assert (await ask.get("/v1/catalog/service/encrypt")).value == []
    assert "encrypt" not in (await ask.get("/v1/catalog/services")).value
    assert (await ask.get("/v1/agent/services")).value == {}
    response = await ask.http.get("/v1/agent/service/encrypt-1")
    assert (response.status_code, response.text.strip()) == (404, "unknown service ID: encrypt-1")


async def test_deregistering_a_stranger_is_no_error(ask: Asking) -> None:
    await ask.deregister("nobody")


async def test_registering_again_moves_an_instance(ask: Asking) -> None:
    await ask.register("encrypt", **ENCRYPT)
    before = (await ask.health("encrypt")).value[0]["Service"]
    await ask.register("encrypt", **{**ENCRYPT, "Port": 7777})

    async def moved() -> Any:
        (entry,) = (await ask.health("encrypt")).value
        return entry["Service"] if entry["Service"]["Port"] == 7777 else None

    after = await eventually(moved)
    assert after["CreateIndex"] == before["CreateIndex"]
    assert after["ModifyIndex"] > before["ModifyIndex"]


async def test_an_unknown_service_is_an_empty_list(ask: Asking) -> None:
    answer = await ask.health("nobody")
    assert (answer.value, answer.index > 0) == ([], True)
    assert (await ask.get("/v1/catalog/service/nobody")).value == []
