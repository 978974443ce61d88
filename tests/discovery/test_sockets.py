"""A port is taken, or it is said why not; and others are told an address at which they can reach it."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from discovery.errors import DiscoveryError, ListenError, SettingsError
from discovery.sockets import address_towards, advertised, bind, is_unspecified

HERE = ("127.0.0.1", 8500)


def test_any_free_port_is_taken() -> None:
    with closing(bind("127.0.0.1", 0)) as one, closing(bind("127.0.0.1", 0)) as other:
        assert one.getsockname()[1] != other.getsockname()[1]


def test_a_bound_port_does_not_take_connections_before_somebody_serves() -> None:
    with closing(bind("127.0.0.1", 0)) as bound, socket.socket() as client:
        assert client.connect_ex(bound.getsockname()) != 0


def test_a_port_that_is_taken_is_named() -> None:
    with closing(bind("127.0.0.1", 0)) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"127.0.0.1:{port}"):
            bind("127.0.0.1", port)


def test_a_port_that_was_just_left_can_be_taken_again() -> None:
    """A restart on the same port does not wait for old connections to be forgotten."""
    with closing(bind("127.0.0.1", 0)) as first:
        first.listen()
        address = first.getsockname()
        client = socket.create_connection(address)
        accepted, _ = first.accept()
        accepted.close()  # the server closes first, so that its side has to wait
        client.close()
    with closing(bind(*address)) as again:
        assert again.getsockname() == address


def test_several_processes_can_share_a_port_if_they_say_so() -> None:
    with closing(bind("127.0.0.1", 0, shared=True)) as one:
        one.listen()
        port = one.getsockname()[1]
        with closing(bind("127.0.0.1", port, shared=True)) as other:
            assert other.getsockname() == one.getsockname()
        with pytest.raises(ListenError):
            bind("127.0.0.1", port).close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70, "x..y", "256.1.1.1", "203.0.113.7"])
def test_a_host_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(ListenError, match=host[:60]):
        bind(host, 0)


def test_the_address_towards_loopback_is_loopback() -> None:
    assert address_towards(*HERE) == "127.0.0.1"


def test_no_address_towards_nowhere() -> None:
    for own_name in ("nobody.invalid", "localhost"):
        with pytest.raises(ListenError, match="SERVICE_ADVERTISE"):
            address_towards("nowhere.invalid", 8500, own_name=own_name)


def test_towards_a_registry_that_has_no_address_now_our_own_name_tells_ours() -> None:
    assert address_towards("nowhere.invalid", 8500, own_name="192.0.2.7") == "192.0.2.7"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, ("10.1.1.1", 7000)),
        ("", ("10.1.1.1", 7000)),
        ("web.example", ("web.example", 7000)),
        ("web.example:80", ("web.example", 80)),
        ("10.2.2.2:65535", ("10.2.2.2", 65535)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ("[2001:db8::1]", ("2001:db8::1", 7000)),
        ("2001:db8::1", ("2001:db8::1", 7000)),
        ("::1", ("::1", 7000)),
    ],
)
def test_others_are_told_what_was_said(said: str | None, expected: tuple[str, int]) -> None:
    assert advertised(said, "10.1.1.1", 7000, registry=HERE) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_who_listens_everywhere_tells_the_address_towards_the_registry(host: str) -> None:
    assert advertised(None, host, 7000, registry=HERE) == ("127.0.0.1", 7000)


@pytest.mark.parametrize(
    "said",
    ["web:0", "web:65536", "web:", "web:x", ":80", "a b", "http://web:80", "web/x", "[::1", "0.0.0.0", "[::]:80"],
)
def test_what_nobody_could_call_is_refused(said: str) -> None:
    with pytest.raises(SettingsError, match="advertise"):
        advertised(said, "10.1.1.1", 7000, registry=HERE)


@pytest.mark.parametrize(("host", "expected"), [("0.0.0.0", True), ("::", True), ("127.0.0.1", False), ("web", False)])
def test_which_hosts_are_every_address(host: str, expected: bool) -> None:
    assert is_unspecified(host) is expected


def test_every_error_is_one_of_ours() -> None:
    assert issubclass(ListenError, DiscoveryError)
    assert issubclass(SettingsError, DiscoveryError)
