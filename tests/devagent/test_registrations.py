"""The rules that only the devagent has, and that no body whatever can break it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.devagent.jsonbody import BadBody
from discovery.devagent.loopback import is_loopback
from discovery.devagent.registrations import decode

ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
NAMES = ("ID", "Name", "Tags", "Address", "Port", "Meta", "Weights", "Check", "Checks", "EnableTagOverride", "Kind")


def with_check(**fields: object) -> bytes:
    return json.dumps({"Name": "a", "Check": {"Interval": "1s", **fields}}).encode()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://127.0.0.1:80/livez", "127.0.0.1", 80),
        ("http://localhost/livez?x=1", "localhost", 80),
        ("http://[::1]:9000", "::1", 9000),
        ("HTTP://LOCALHOST:1/", "localhost", 1),
    ],
)
def test_a_check_may_call_this_machine(url: str, host: str, port: int) -> None:
    (check,) = decode(with_check(HTTP=url)).checks
    assert (check.host, check.port) == (host, port)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://example/",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0:80/",
        "http://[::]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://localhost.example/",
        "http://localhost./",
        "http://127.0.0.1@example/",
        "http://user:word@127.0.0.1/",
        "http://example#@127.0.0.1/",
        "http://example\\@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:-1/",
        "http://127.0.0.1:0/",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "127.0.0.1",
        "http://",
        "http://127.0.0.1/\r\nX: y",
    ],
)
def test_a_check_may_call_nobody_else(url: str) -> None:
    with pytest.raises(BadBody, match="Invalid check"):
        decode(with_check(HTTP=url))


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1:80",
        "example:80",
        "127.0.0.1",
        "0.0.0.0:1",
        "[::]:1",
        "127.0.0.1:0x50",
        "127.0.0.1:0",
        "a@127.0.0.1:80",
    ],
)
def test_neither_may_a_tcp_check(address: str) -> None:
    with pytest.raises(BadBody, match="Invalid check"):
        decode(with_check(TCP=address))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("TTL", "10s"),
        ("Args", ["sh"]),
        ("GRPC", "x"),
        ("AliasService", "x"),
        ("Method", "POST"),
        ("Header", {"a": ["b"]}),
    ],
)
def test_other_kinds_of_checks_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(BadBody, match=f"{field} of a check is not supported by the devagent"):
        decode(with_check(**{field: value}))


@pytest.mark.parametrize("fields", [{}, {"HTTP": "http://127.0.0.1/", "TCP": "127.0.0.1:1"}])
def test_a_check_is_of_one_kind(fields: dict[str, object]) -> None:
    with pytest.raises(BadBody, match="HTTP and TCP checks; give one"):
        decode(with_check(**fields))


@pytest.mark.parametrize(("field", "value"), [("Proxy", {"x": 1}), ("Connect", {"Native": True}), ("Kind", "proxy")])
def test_services_of_the_mesh_of_consul_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(BadBody, match=f"{field} of a service is not supported by the devagent"):
        decode(json.dumps({"Name": "a", field: value}).encode())


def test_what_is_not_supported_may_be_there_as_long_as_it_says_nothing() -> None:
    body = {
        "Name": "a",
        "Proxy": None,
        "Connect": {},
        "Check": {"TTL": "", "Args": []} | {"TCP": "[::1]:1", "Interval": "1s"},
    }
    assert decode(json.dumps(body).encode()).checks[0].host == "::1"


def test_nobody_else_is_the_registry() -> None:
    with pytest.raises(BadBody, match="the registry itself"):
        decode(b'{"Name": "a", "ID": "consul"}')


def test_times_have_minima_and_defaults() -> None:
    fields = {"HTTP": "http://127.0.0.1/", "Interval": "1ms", "DeregisterCriticalServiceAfter": "1s", "Timeout": "-1s"}
    (check,) = decode(with_check(**fields)).checks
    assert (check.interval, check.deregister_after, check.timeout) == (1, 60, 10)
    (check,) = decode(with_check(HTTP="http://127.0.0.1/")).checks
    assert (check.deregister_after, check.timeout) == (None, 10)


def test_of_two_checks_with_one_id_the_last_counts() -> None:
    checks = [{"CheckID": "x", "TCP": f"127.0.0.1:{port}", "Interval": "1s"} for port in (1, 2)]
    (check,) = decode(json.dumps({"Name": "a", "Checks": checks}).encode()).checks
    assert check.port == 2


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"Name":' * 50_000,
        b'{"Name": NaN}',
        b'{"Port": ' + b"9" * 5000 + b"}",
        b'{"Name": "a", "Port": 1e400}',
        b'{"Name": "a", "Port": 99999999999999999999}',
        b"\xff\xfe",
        b"\x00",
    ],
    ids=repr,
)
def test_bodies_that_mean_harm_are_refused(body: bytes) -> None:
    with pytest.raises(BadBody):
        decode(body)


@given(st.binary(max_size=100) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_can_break_it(body: bytes) -> None:
    with suppress(BadBody):
        assert decode(body).service.name


@given(st.dictionaries(st.sampled_from(NAMES), ANY_JSON, max_size=6))
def test_no_field_can_break_it(fields: dict[str, Any]) -> None:
    with suppress(BadBody):
        service = decode(json.dumps({"Name": "a", **fields}).encode()).service
        assert json.dumps([service.id, service.name, *service.tags], ensure_ascii=False).encode()


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-z0-9@:\[\]#\\/.%]{1,30}", fullmatch=True))
def test_whatever_url_is_accepted_leads_to_this_machine(url: str) -> None:
    with suppress(BadBody):
        (check,) = decode(with_check(HTTP=url)).checks
        assert is_loopback(check.host)
        assert check.target.isprintable()
