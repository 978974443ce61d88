from __future__ import annotations

import pytest

from discovery.devagent.loopback import is_loopback, split


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "::1", "0:0:0:0:0:0:0:1"])
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost.",
        "localhost.example",
        "example",
        "127.0.0.1.example",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0.0.0.0",
        "::",
        "::2",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
        "128.0.0.1",
        "fe80::1",
        " 127.0.0.1",
        "127.0.0.1\n",
    ],
)
def test_all_others(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("authority", "parts"),
    [
        ("localhost", ("localhost", None)),
        ("localhost:8500", ("localhost", 8500)),
        ("[::1]:8500", ("::1", 8500)),
        ("[::1]", ("::1", None)),
        ("::1", None),
        ("a:b", None),
        ("a:70000", None),
        ("a:", None),
        ("a@b", None),
        ("a/b", None),
        ("", None),
        ("a b", None),
        ("[::1", None),
        ("127.0.0.1:80\n", None),
    ],
)
def test_an_authority_is_host_and_port_and_nothing_else(authority: str, parts: object) -> None:
    assert split(authority) == parts
