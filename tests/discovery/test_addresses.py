"""A registry that anybody can write to must not become a way to reach what must not be called."""

from __future__ import annotations

import pytest

from discovery.addresses import CONSUL_PORTS, Forbidden, is_loopback

OWN = Forbidden(own=frozenset({("10.0.0.9", 8080), ("", 8081)}))


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "localhost", "2001:db8::1", "::1", "db.internal"])
def test_these_may_be_called(address: str) -> None:
    assert Forbidden().reason(address, 9000) == ""


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "no address"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "multicast"),
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b::169.254.169.254", "link-local"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("64:ff9b::", "unspecified"),
        ("fd00:ec2::254", "link-local"),
        ("FD00:0EC2::0254", "link-local"),
        ("fd20:ce::254", "link-local"),
        ("100.100.100.200", "link-local"),
        ("::ffff:100.100.100.200", "link-local"),
    ],
)
def test_these_may_never_be_called(address: str, why: str) -> None:
    assert Forbidden().reason(address, 9000) == why


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "localhost",
        "LOCALHOST.",
    ],
)
def test_loopback_only_when_the_registry_is_there_too(address: str) -> None:
    assert Forbidden(loopback=True).reason(address, 9000) == "loopback"
    assert Forbidden(loopback=False).reason(address, 9000) == ""


@pytest.mark.parametrize(
    "address", ["127.1", "0", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "1.2.3.4.", "9.9"]
)
def test_spellings_that_only_a_resolver_understands_are_no_addresses(address: str) -> None:
    assert Forbidden().reason(address, 9000) == "no address"


@pytest.mark.parametrize(
    "address",
    ["a b", "a/b", "user@host", "a\r\nb", "[::1]", "a..b", "x" * 64, ("x" * 60 + ".") * 5 + "x", "ü.example", "%"],
)
def test_text_that_is_neither_an_address_nor_a_name_is_refused(address: str) -> None:
    assert Forbidden().reason(address, 9000) == "no address"


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_must_be_one(port: int) -> None:
    assert Forbidden().reason("10.0.0.1", port) == "no port"


@pytest.mark.parametrize("port", sorted(CONSUL_PORTS))
def test_ports_of_consul_are_never_called(port: int) -> None:
    assert Forbidden().reason("10.0.0.1", port) == "a port of Consul"


def test_nobody_calls_itself() -> None:
    assert OWN.reason("10.0.0.9", 8080) == "a listener of ours"
    assert OWN.reason("10.0.0.1", 8080) == ""
    assert OWN.reason("10.0.0.1", 8081, is_here=True) == "a listener of ours", "one that listens on every address"
    assert OWN.reason("127.0.0.1", 8081) == "a listener of ours"
    assert OWN.reason("10.0.0.1", 8081) == "", "another machine's is none of ours"


@pytest.mark.parametrize("address", ["localhost", "LOCALHOST.", "::ffff:127.0.0.1", "127.0.0.1"])
def test_no_spelling_of_our_own_address_helps(address: str) -> None:
    assert Forbidden(own=frozenset({("127.0.0.1", 8080)})).reason(address, 8080) == "a listener of ours"
    assert Forbidden(own=frozenset({("localhost", 8080)})).reason(address, 8080) == "a listener of ours"


def test_where_the_registry_has_answered_is_never_called_also_when_that_is_learnt_later() -> None:
    answered: set[tuple[str, int]] = set()
    forbidden = Forbidden(own=frozenset({("consul.internal", 443)}), registry=answered)
    assert forbidden.reason("10.0.0.7", 443) == ""
    answered.add(("10.0.0.7", 443))
    assert forbidden.reason("10.0.0.7", 443) == forbidden.reason("::ffff:10.0.0.7", 443) == "the registry"
    assert forbidden.reason("10.0.0.7", 444) == forbidden.reason("10.0.0.8", 443) == ""


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("localhost.evil", False),
        ("", False),
    ],
)
def test_what_can_only_be_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
