"""What the gateway reads from the environment, and what it says of what it cannot read."""

from __future__ import annotations

import pytest

from discovery.errors import SettingsError
from discovery.settings import load
from services.gateway.settings import GatewaySettings


def test_who_sets_nothing_gets_the_defaults() -> None:
    settings = GatewaySettings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.admin_host, settings.admin_port, settings.admin_names) == ("127.0.0.1", 8081, [])
    assert (settings.deadline, settings.body_limit) == (10.0, 1 << 20)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("[]", []),
        ('["gateway"]', ["gateway"]),
        ('["gw-1.example", "192.0.2.7", "::1"]', ["gw-1.example", "192.0.2.7", "::1"]),
    ],
)
def test_names_are_a_json_list(monkeypatch: pytest.MonkeyPatch, said: str, names: list[str]) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN_NAMES", said)
    assert load(GatewaySettings).admin_names == names


def test_trusted_proxies_are_a_json_list_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GatewaySettings().trusted_proxies == []
    monkeypatch.setenv("GATEWAY_TRUSTED_PROXIES", '["10.0.0.0/8", "192.0.2.7", "fd00::/8"]')
    assert [str(each) for each in load(GatewaySettings).trusted_proxies] == ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "hush-1"),
        ("GATEWAY_PORT", "-1"),
        ("GATEWAY_PORT", "65536"),
        ("GATEWAY_BODY_LIMIT", "33554433"),
        ("GATEWAY_DEADLINE", "-1.5"),
        ("GATEWAY_DEADLINE", "hush-2"),
        ("GATEWAY_ADMIN_NAMES", "hush-3"),
        ("GATEWAY_ADMIN_NAMES", '"hush-4"'),
        ("GATEWAY_ADMIN_NAMES", '["hush 5"]'),
        ("GATEWAY_ADMIN_NAMES", '["*"]'),
        ("GATEWAY_ADMIN_NAMES", '["*.hush.example"]'),
        ("GATEWAY_ADMIN_NAMES", '["hush:8081"]'),
        ("GATEWAY_ADMIN_NAMES", "[7]"),
        ("GATEWAY_ADMIN_NAMES", '{"hush": 6}'),
        ("GATEWAY_SHARED", "hush-7"),
        ("GATEWAY_TRUSTED_PROXIES", "hush-8"),
        ("GATEWAY_TRUSTED_PROXIES", '["hush-9"]'),
        ("GATEWAY_TRUSTED_PROXIES", '["10.0.0.1/8"]'),
        ("GATEWAY_TRUSTED_PROXIES", "[7]"),
    ],
)
def test_what_cannot_be_understood_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        load(GatewaySettings)
    assert value not in str(caught.value)
    assert "\n" not in str(caught.value)
