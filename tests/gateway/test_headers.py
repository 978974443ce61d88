"""Which fields pass in which direction, and what the gateway says of itself."""

from __future__ import annotations

import pytest

from services.gateway.headers import for_client
from services.gateway.request import Headers

from .seen import seen_by_instance

HOST = (b"host", b"shop.example")
HOP_BY_HOP = [
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
]


def upwards(*fields: tuple[bytes, bytes], client: str = "192.0.2.7") -> list[tuple[bytes, bytes]]:
    return seen_by_instance([HOST, *fields], client)


def downwards(*fields: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return for_client(fields, served_by="web-1")


def named(headers: Headers, name: bytes) -> list[bytes]:
    return [value for known, value in headers if known == name]


@pytest.mark.parametrize("name", HOP_BY_HOP)
def test_fields_of_one_connection_end_here(name: bytes) -> None:
    assert not named(upwards((name, b"chunked")), name)
    assert not named(downwards((name, b"chunked")), name)


@pytest.mark.parametrize("said", [b"x-one, X-Two", b"close,X-ONE ,\tx-two", b"x-two,,x-one"])
def test_fields_that_connection_names_end_here(said: bytes) -> None:
    fields = ((b"connection", said), (b"x-one", b"1"), (b"x-two", b"2"), (b"x-three", b"3"))
    for passed in (upwards(*fields), downwards(*fields)):
        assert not named(passed, b"x-one")
        assert not named(passed, b"x-two")
        assert named(passed, b"x-three") == [b"3"]


def test_several_connection_fields_count_together() -> None:
    passed = upwards((b"connection", b"x-one"), (b"x-one", b"1"), (b"connection", b"x-two"), (b"x-two", b"2"))
    assert not named(passed, b"x-one")
    assert not named(passed, b"x-two")


@pytest.mark.parametrize("name", [b"content-length", b"host"])
def test_connection_cannot_take_away_what_frames_or_routes_a_request(name: bytes) -> None:
    """A body without its length would be read as the next request."""
    passed = upwards((b"connection", name), (b"content-length", b"5"))
    assert named(passed, b"content-length") == [b"5"]
    assert named(passed, b"host") == [b"shop.example"]


def test_connection_cannot_take_away_the_length_of_a_response() -> None:
    assert named(downwards((b"connection", b"content-length"), (b"content-length", b"5")), b"content-length") == [b"5"]


@pytest.mark.parametrize(
    "name",
    [
        b"forwarded",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-real-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"true-client-ip",
        b"x_forwarded_for",
        b"x_real_ip",
        b"content_length",
        b"any_thing",
        b"x-served-by",
        b"x-attempts",
        b"x-mesh-instance",
    ],
)
def test_what_a_client_made_up_is_not_believed(name: bytes) -> None:
    assert b"made-up" not in [value for _, value in upwards((name, b"made-up"))]


def test_an_instance_learns_who_asked_and_how() -> None:
    passed = upwards()
    assert named(passed, b"x-forwarded-for") == [b"192.0.2.7"]
    assert named(passed, b"x-forwarded-proto") == [b"http"]
    assert named(passed, b"x-forwarded-host") == [b"shop.example"]
    assert named(passed, b"forwarded") == [b'for=192.0.2.7;host="shop.example";proto=http']
    assert named(passed, b"via") == [b"1.1 gateway"]
    assert named(passed, b"host") == [b"shop.example"]


def test_an_ipv6_client_is_quoted_as_rfc_7239_wants_it() -> None:
    passed = upwards(client="2001:db8::7")
    assert named(passed, b"x-forwarded-for") == [b"2001:db8::7"]
    assert named(passed, b"forwarded") == [b'for="[2001:db8::7]";host="shop.example";proto=http']


def test_without_a_host_none_is_claimed() -> None:
    passed = seen_by_instance([])
    assert not named(passed, b"x-forwarded-host")
    assert named(passed, b"forwarded") == [b"for=192.0.2.7;proto=http"]


def test_an_expectation_is_the_gateways_to_meet() -> None:
    assert not named(upwards((b"expect", b"100-continue")), b"expect")


def test_everything_else_passes_in_its_order_and_as_it_is() -> None:
    fields = ((b"cookie", b"a=1"), (b"x-custom", b" \xff,;\t"), (b"cookie", b"b=2"), (b"authorization", b"Basic eA=="))
    assert [each for each in upwards(*fields) if each in fields] == list(fields)
    assert [each for each in downwards(*fields) if each in fields] == list(fields)


def test_an_instance_cannot_speak_for_the_gateway() -> None:
    passed = downwards(
        (b"x-served-by", b"forged"), (b"x-attempts", b"9"), (b"x-mesh-instance", b"web-1 b"), (b"server", b"web")
    )
    assert passed == [(b"server", b"web"), (b"via", b"1.1 gateway"), (b"x-served-by", b"web-1")]


def test_via_of_those_behind_stays_before_ours() -> None:
    assert named(downwards((b"via", b"1.1 inner")), b"via") == [b"1.1 inner", b"1.1 gateway"]


@pytest.mark.parametrize("said", [b"r-77", b"0", b"!~" * 64, b"6f1e1f3e-8a0c-4a39-a8a1-0c8a39a8a100"])
def test_a_request_id_is_passed_on(said: bytes) -> None:
    assert named(upwards((b"x-request-id", said)), b"x-request-id") == [said]


@pytest.mark.parametrize(
    "said",
    [[], [b""], [b"a", b"b"], [b"a b"], [b"caf\xe9"], [b"\x9b2J"], [b"a" * 129]],
    ids=["none", "empty", "two", "space", "latin", "terminal-code", "long"],
)
def test_a_request_id_is_made_where_there_is_no_good_one(said: list[bytes]) -> None:
    made = [named(upwards(*((b"x-request-id", each) for each in said)), b"x-request-id") for _ in range(2)]
    assert made[0] != made[1]
    for (each,) in made:
        assert len(each) == 32
        assert each not in said
