"""What instances are told of who asked, and whose word is taken for it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from services.gateway.forwarded import Peer, TrustedProxies, forwarded
from services.gateway.request import Headers

PROXY, CLIENT = "10.0.0.5", b"203.0.113.9"
SAID = [
    (b"x-forwarded-for", CLIENT),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"shop.example"),
    (b"forwarded", b"for=203.0.113.9;proto=https"),
]


def told(headers: Headers, *, is_trusted: bool, address: str = PROXY) -> dict[bytes, bytes]:
    fields = list(forwarded(headers, Peer(address, is_trusted), b"inner.example", b"http"))
    assert len(dict(fields)) == len(fields)
    return dict(fields)


def test_a_client_that_says_who_it_is_is_not_believed() -> None:
    assert (
        told(SAID, is_trusted=False)
        == told([], is_trusted=False)
        == {
            b"x-forwarded-for": b"10.0.0.5",
            b"x-forwarded-proto": b"http",
            b"x-forwarded-host": b"inner.example",
            b"forwarded": b'for=10.0.0.5;host="inner.example";proto=http',
        }
    )


def test_the_word_of_a_trusted_proxy_stands_and_its_own_address_is_added() -> None:
    assert told(SAID, is_trusted=True) == {
        b"x-forwarded-for": b"203.0.113.9, 10.0.0.5",
        b"x-forwarded-proto": b"https",
        b"x-forwarded-host": b"shop.example",
        b"forwarded": b'for=203.0.113.9;proto=https, for=10.0.0.5;host="inner.example";proto=http',
    }


def test_a_trusted_proxy_that_says_nothing_is_the_client() -> None:
    assert told([], is_trusted=True) == told([], is_trusted=False)
    assert told([(b"x-forwarded-for", b"")], is_trusted=True)[b"x-forwarded-for"] == b"10.0.0.5"


def test_several_fields_are_one_list() -> None:
    several = [(b"x-forwarded-for", b"198.51.100.1, 198.51.100.2"), (b"x-forwarded-for", b"198.51.100.3")]
    said = told(several, is_trusted=True)[b"x-forwarded-for"]
    assert said == b"198.51.100.1, 198.51.100.2, 198.51.100.3, 10.0.0.5"


@pytest.mark.parametrize(
    ("network", "address", "is_trusted"),
    [
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("fd00::/8", "fd12::1", True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("fd00::/8", "10.0.0.1", False),
        ("10.0.0.0/8", "", False),
    ],
)
def test_a_proxy_is_known_by_its_network(network: str, address: str, is_trusted: bool) -> None:
    assert TrustedProxies([ip_network(network)]).peer(address) == Peer(address, is_trusted)


def test_who_names_nobody_trusts_nobody() -> None:
    assert TrustedProxies().peer("127.0.0.1") == Peer("127.0.0.1", is_trusted=False)


def test_of_several_words_the_last_is_the_proxys_own() -> None:
    said = told([(b"x-forwarded-proto", b"gopher"), (b"x-forwarded-proto", b"https")], is_trusted=True)
    assert said[b"x-forwarded-proto"] == b"https"
