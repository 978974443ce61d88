"""What cannot be understood is refused, in the same words and with the same statuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.asking import Asking

LOCAL = {"HTTP": "http://127.0.0.1:1/", "Interval": "1s"}


def check(**changes: object) -> dict[str, Any]:
    return {"Name": "a", "Port": 1, "Check": {**LOCAL, **changes}}


BODIES: list[tuple[Any, str]] = [
    ({}, "Missing service name"),
    (None, "Missing service name"),
    ({"Name": ""}, "Missing service name"),
    ({"Name": "a", "Nope": 1}, 'Request decode failed: json: unknown field "Nope"'),
    ({"Name": 1}, "Request decode failed: json: cannot unmarshal number into Go struct field .Name of type string"),
    (
        {"Name": "a", "Port": "x"},
        "Request decode failed: json: cannot unmarshal string into Go struct field .Port of type int",
    ),
    (
        {"Name": "a", "Port": 1.5},
        "Request decode failed: json: cannot unmarshal number 1.5 into Go struct field .Port of type int",
    ),
    (
        {"Name": "a", "Port": True},
        "Request decode failed: json: cannot unmarshal bool into Go struct field .Port of type int",
    ),
    (
        {"Name": "a", "Tags": "x"},
        "Request decode failed: json: cannot unmarshal string into Go struct field .Tags of type []string",
    ),
    (
        {"Name": "a", "Tags": [1]},
        "Request decode failed: json: cannot unmarshal number into Go struct field .Tags of type string",
    ),
    (
        {"Name": "a", "Meta": {"a": 1}},
        "Request decode failed: json: cannot unmarshal number into Go struct field .Meta of type string",
    ),
    ({"Name": "a", "Address": "0.0.0.0"}, "Invalid service address"),
    (
        {"Name": "a", "Meta": {"a b": "1"}},
        "Invalid Service Meta: Couldn't load metadata pair ('a b', '1'): Key contains invalid characters",
    ),
    (
        {"Name": "a", "Meta": {"consul-x": "1"}},
        "Invalid Service Meta: Couldn't load metadata pair ('consul-x', '1'): "
        "Key prefix 'consul-' is reserved for internal use",
    ),
    (
        {"Name": "a", "Meta": {f"k{number}": "v" for number in range(65)}},
        "Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs",
    ),
    ({"Name": "a", "Weights": {"Passing": 0, "Warning": 0}}, "Invalid Weights: Passing must be greater than 0"),
    (
        {"Name": "a", "Weights": {"Passing": 70000, "Warning": 1}},
        "Invalid Weights: DNS Weight must be between 0 and 65535",
    ),
    (check(Interval=""), 'Request decode failed: time: invalid duration ""'),
    (check(Interval="x"), 'Request decode failed: time: invalid duration "x"'),
    (check(Interval="5"), 'Request decode failed: time: missing unit in duration "5"'),
    (check(Interval="1x"), 'Request decode failed: time: unknown unit "x" in duration "1x"'),
    (check(Interval="3000000h"), 'Request decode failed: time: invalid duration "3000000h"'),
    (check(Interval=None), "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks"),
    (check(Interval="-1s"), "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks"),
    (check(Status="weird"), "Status for checks must 'passing', 'warning', 'critical'"),
    (check(Status="Passing"), "Status for checks must 'passing', 'warning', 'critical'"),
    (check(DeregisterCriticalServiceAfter="bad"), 'Request decode failed: time: invalid duration "bad"'),
    (check(ID="x"), 'Request decode failed: json: unknown field "ID"'),
]


@pytest.mark.parametrize(("body", "words"), BODIES)
async def test_a_registration_that_says_something_wrong(ask: Asking, body: Any, words: str) -> None:
    response = await ask.http.put("/v1/agent/service/register", content=json.dumps(body))
    assert (response.status_code, response.text.strip()) == (400, words)
    assert (await ask.get("/v1/agent/services")).value == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "EOF"),
        (b"{", "unexpected EOF"),
        (b'{"Name": "a', "unexpected EOF"),
        (b"{x}", "invalid"),
        (b"]", "invalid"),
    ],
)
async def test_a_registration_that_is_no_json(ask: Asking, body: bytes, words: str) -> None:
    response = await ask.http.put("/v1/agent/service/register", content=body)
    assert response.status_code == 400
    assert response.text.startswith(f"Request decode failed: {words}")


@pytest.mark.parametrize("shape", [[], 1, "text", {"Name": "a", "Check": []}, {"Name": "a", "Checks": {}}])
async def test_a_registration_of_another_shape(ask: Asking, shape: Any) -> None:
    response = await ask.http.put("/v1/agent/service/register", content=json.dumps(shape))
    assert response.status_code == 400
    assert response.text.startswith("Request decode failed: json: cannot unmarshal")


@pytest.mark.parametrize("index", ["abc", "-1", "1.5", "+1", "99999999999999999999999", "1_0"])
async def test_an_index_that_is_none(ask: Asking, index: str) -> None:
    response = await ask.http.get("/v1/health/service/a", params={"index": index})
    assert (response.status_code, response.text.strip()) == (400, "Invalid index")


@pytest.mark.parametrize("wait", ["zz", "5", "1 s", "s", "1e3s"])
@pytest.mark.parametrize("path", ["/v1/health/service/a", "/v1/catalog/services", "/v1/agent/service/a"])
async def test_a_wait_that_is_none(ask: Asking, path: str, wait: str) -> None:
    response = await ask.http.get(path, params={"wait": wait})
    assert (response.status_code, response.text.strip()) == (400, "Invalid wait time")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1/health/service/", 400, "Missing service name"),
        ("/v1/catalog/service/", 400, "Missing service name"),
        ("/v1/health/service/a?passing=maybe", 400, "Invalid value for ?passing"),
        ("/v1/health/service/a?dc=elsewhere", 500, "No path to datacenter"),
    ],
)
async def test_a_query_that_cannot_be_answered(ask: Asking, path: str, status: int, words: str) -> None:
    response = await ask.http.get(path)
    assert (response.status_code, response.text.strip()) == (status, words)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/agent/service/register", "PUT"),
        ("POST", "/v1/agent/service/register", "PUT"),
        ("GET", "/v1/agent/service/deregister/a", "PUT"),
        ("PUT", "/v1/agent/service/a", "GET"),
        ("DELETE", "/v1/agent/services", "GET"),
        ("PUT", "/v1/health/service/a", "GET"),
        ("HEAD", "/v1/status/leader", "GET"),
    ],
)
async def test_a_method_that_is_not_allowed(ask: Asking, method: str, path: str, allowed: str) -> None:
    response = await ask.http.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(",")) == {"OPTIONS", allowed}
    assert response.text.strip() == ("" if method == "HEAD" else f"method {method} not allowed")


async def test_a_path_that_nobody_knows(ask: Asking) -> None:
    assert (await ask.http.get("/v1/nothing")).status_code == 404


async def test_deregistering_nobody_in_particular(ask: Asking) -> None:
    response = await ask.http.put("/v1/agent/service/deregister/")
    assert (response.status_code, response.text.strip()) == (500, "ServiceID missing")
