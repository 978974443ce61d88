"""Consul's documents become values, and anything else becomes one error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.documents import Registration, duration, entry, listing, tags_by_service
from discovery.errors import RegistryGarbled
from tests.fakes.instances import BOOT, instance

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def service(**changes: Any) -> dict[str, Any]:
    return {
        "ID": "web-1",
        "Service": "web",
        "Address": "10.0.0.1",
        "Port": 9000,
        "Tags": ["a"],
        "Meta": {"boot_id": BOOT},
        "Weights": {"Passing": 3, "Warning": 2},
        **changes,
    }


def listed(*, checks: Any = (), node: Any = None, **changes: Any) -> list[dict[str, Any]]:
    return [{"Service": service(**changes), "Node": node or {"Address": "10.9.9.9"}, "Checks": list(checks)}]


def only(document: Any) -> Any:
    (found,) = listing("7", document).value
    return found


def test_an_entry_of_a_service_becomes_an_instance() -> None:
    assert listing("7", listed()).index == 7
    assert only(listed()) == instance(tags=("a",), weight=3)


@pytest.mark.parametrize(
    ("states", "health", "weight"),
    [
        ([], "passing", 3),
        (["passing", "passing"], "passing", 3),
        (["passing", "warning"], "warning", 2),
        (["warning", "critical", "passing"], "critical", 3),
        (["maintenance"], "passing", 3),
    ],
)
def test_the_worst_check_decides_the_health(states: list[str], health: str, weight: int) -> None:
    found = only(listed(checks=[{"Status": state} for state in states]))
    assert (found.health, found.weight) == (health, weight)


def test_an_instance_without_an_address_is_on_its_node() -> None:
    assert only(listed(Address="")).address == "10.9.9.9"
    assert only(listed(Address="", node={"Node": "n"})).address == ""


@pytest.mark.parametrize("nothing", [{"Tags": None}, {"Meta": None}, {"Tags": None, "Meta": None}])
def test_what_consul_leaves_out_is_empty(nothing: dict[str, None]) -> None:
    found = only(listed(**nothing))
    assert found.tags == (() if "Tags" in nothing else ("a",))
    assert found.boot_id == ("" if "Meta" in nothing else BOOT)


@pytest.mark.parametrize(
    ("weights", "weight"), [(None, 1), ({}, 1), ({"Passing": 0}, 0), ({"Passing": -3}, 0), ({"Passing": 65535}, 65535)]
)
def test_weights_are_never_negative(weights: Any, weight: int) -> None:
    assert only(listed(Weights=weights)).weight == weight


def test_an_ipv6_address_is_kept_as_it_is() -> None:
    assert only(listed(Address="2001:db8::1")).authority == "[2001:db8::1]:9000"


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        [None],
        [{}],
        [1],
        "text",
        listed(Port=None),
        listed(Port="x"),
        listed(Port=float("inf")),
        listed(Port=float("nan")),
        listed(Tags=3),
        listed(Meta=[1]),
        listed(Weights=[1]),
        listed(Weights={"Passing": float("inf")}),
        listed(checks=[{}]),
        listed(checks=[{"Status": []}]),
        "",
    ],
)
def test_a_list_of_another_form_is_garbled(document: Any) -> None:
    with pytest.raises(RegistryGarbled):
        listing("7", document)


@pytest.mark.parametrize("index", ["", "x", "1.5", "1e3", None])
def test_an_index_that_is_no_number_is_garbled(index: Any) -> None:
    with pytest.raises(RegistryGarbled):
        listing(index, listed())
    with pytest.raises(RegistryGarbled):
        tags_by_service(index, {})


def test_services_have_the_tags_of_all_their_instances() -> None:
    assert tags_by_service("3", {"web": ["a", "b"], "consul": []}).value == {"web": ("a", "b"), "consul": ()}


@pytest.mark.parametrize("document", [None, [], [1], "x", 3, {"web": None}, {"web": 1}])
def test_services_of_another_form_are_garbled(document: Any) -> None:
    with pytest.raises(RegistryGarbled):
        tags_by_service("3", document)


def test_an_agents_own_record_has_a_hash() -> None:
    found = entry(service(ContentHash="abc"))
    assert found.content_hash == "abc"
    assert found.instance == instance(tags=("a",), weight=3)


@pytest.mark.parametrize("document", [None, {}, [], service(), "x"])
def test_a_record_of_another_form_is_garbled(document: Any) -> None:
    with pytest.raises(RegistryGarbled):
        entry(document)


@given(JSON, st.sampled_from(["ID", "Service", "Address", "Port", "Tags", "Meta", "Weights", "Checks", "Node"]))
def test_whatever_stands_in_a_field_nothing_else_is_raised(value: Any, name: str) -> None:
    document = listed()
    (document[0] if name in ("Checks", "Node") else document[0]["Service"])[name] = value
    for read in (lambda: listing("1", document), lambda: entry({**document[0]["Service"], "ContentHash": "x"})):
        try:
            read()
        except RegistryGarbled:
            continue


@given(JSON)
def test_whatever_comes_nothing_else_is_raised(value: Any) -> None:
    for read in (lambda: listing("1", value), lambda: tags_by_service("1", value), lambda: entry(value)):
        try:
            read()
        except RegistryGarbled:
            continue


def test_a_registration_tells_consul_to_check_the_boot_that_registered() -> None:
    registration = Registration(instance(), "http://10.0.0.1:9000/livez")
    assert registration.check("critical") == {
        "CheckID": f"web-1:{BOOT}",
        "Name": "web answers",
        "HTTP": "http://10.0.0.1:9000/livez",
        "Interval": "1s",
        "Timeout": "1s",
        "Status": "critical",
        "DeregisterCriticalServiceAfter": "90s",
    }
    assert json.dumps(registration.check("passing"))


@pytest.mark.parametrize(("seconds", "text"), [(1.0, "1s"), (0.25, "0.25s"), (90, "90s"), (600.0, "600s")])
def test_durations_are_written_as_go_reads_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
