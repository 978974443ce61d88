"""Who an instance is, settled before it serves."""

from __future__ import annotations

import os
import re
import socket
from contextlib import closing

import pytest

from discovery.errors import DiscoveryError, ListenError, RouteError, SettingsError
from discovery.listening import instance_of, listen
from discovery.settings import ConsulSettings, ServiceSettings

CONSUL = ConsulSettings()


def test_an_instance_without_a_name_gets_one_that_nobody_else_has() -> None:
    one = listen("web", [], ServiceSettings(), CONSUL)
    other = listen("web", [], ServiceSettings(), CONSUL)
    with closing(one.socket), closing(other.socket):
        for each in (one, other):
            port = each.socket.getsockname()[1]
            assert each.instance.id == f"web-127.0.0.1-{port}"
            assert (each.instance.address, each.instance.port) == ("127.0.0.1", port)
        assert one.instance.id != other.instance.id
        assert one.instance.boot_id != other.instance.boot_id


def test_what_others_are_told_counts_not_where_it_listens() -> None:
    listening = listen("web", [], ServiceSettings(advertise="[2001:db8::1]:443", version="1.2"), CONSUL)
    with closing(listening.socket):
        found = listening.instance
        assert (found.address, found.port) == ("2001:db8::1", 443)
        assert found.id == "web-2001-db8--1-443"
        assert found.meta["version"] == "1.2"


def test_the_registry_is_told_which_process_it_is() -> None:
    found = instance_of("web", "web-1", "10.0.0.1", 80, ["/a replay=safe"], version="dev", more={"admin": "x"})
    assert found.meta["pid"] == str(os.getpid())
    assert found.meta["host"] == socket.gethostname()
    assert found.meta["admin"] == "x"
    assert found.tags == ("urlprefix-/a replay=safe",)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ü", "x" * 200, "a\nb", "-a"])
def test_names_that_would_break_a_url_are_refused_and_the_port_given_back(name: str) -> None:
    for service, instance_id in ((name, None), ("web", name or "-")):
        settings = ServiceSettings(id=instance_id, port=free_port())
        with pytest.raises(SettingsError):
            listen(service, [], settings, CONSUL)
        listening = listen("web", [], ServiceSettings(port=settings.port), CONSUL)
        listening.socket.close()


@pytest.mark.parametrize(
    "route", ["hello", "", "example.com/hello", "/hello replay=always", "/a/../b", "/a timeout=soon"]
)
def test_a_route_that_no_gateway_would_understand_is_refused_at_once(route: str) -> None:
    with pytest.raises(RouteError, match=f"^{re.escape(repr(route))} is no route: "):
        instance_of("web", "web-1", "10.0.0.1", 80, [route], version="dev")


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ListenError, match="Address already in use"):
            listen("web", [], ServiceSettings(port=taken.getsockname()[1]), CONSUL)


def test_all_of_it_can_be_caught_as_one() -> None:
    assert all(issubclass(each, DiscoveryError) for each in (ListenError, RouteError, SettingsError))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
