"""What is read from the environment, what is wrong with it, and that no secret is in any of that."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from discovery.errors import SettingsError
from discovery.settings import ConsulSettings, ServiceSettings, load, misspelt, names

SECRET = "d0c7e9ae-secret"


class Example(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")

    number: int = 1
    token: int = 0


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine, so that defaults can be seen."""
    for name in names([ServiceSettings, ConsulSettings, Example]):
        monkeypatch.delenv(name, raising=False)


def test_what_a_user_gets_who_sets_nothing() -> None:
    service, consul = load(ServiceSettings), load(ConsulSettings)
    assert (service.host, service.port, service.id, service.linger, service.drain) == ("127.0.0.1", 0, None, 1.0, 20.0)
    assert (consul.scheme, consul.host, consul.port, consul.token()) == ("http", "127.0.0.1", 8500, None)


def test_what_is_set_counts_and_what_is_said_in_code_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_PORT", "81")
    monkeypatch.setenv("SERVICE_HOST", "0.0.0.0")
    found = load(ServiceSettings, port=82)
    assert (found.host, found.port) == ("0.0.0.0", 82)


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_PORT", "")
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "")
    assert load(ServiceSettings).port == 0
    assert load(ConsulSettings).token() is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("10.0.0.1", ("http", "10.0.0.1", 8500)),
        ("10.0.0.1:1234", ("http", "10.0.0.1", 1234)),
        ("consul.internal", ("http", "consul.internal", 8500)),
        ("http://consul:80", ("http", "consul", 80)),
        ("https://consul", ("https", "consul", 443)),
        ("http://consul", ("http", "consul", 80)),
        ("https://[::1]", ("https", "::1", 443)),
        ("https://consul:8501", ("https", "consul", 8501)),
        ("[::1]:8500", ("http", "::1", 8500)),
        ("[::1]", ("http", "::1", 8500)),
    ],
)
def test_where_consul_is(said: str, expected: tuple[str, str, int]) -> None:
    found = ConsulSettings(http_addr=said)
    assert (found.scheme, found.host, found.port) == expected


def test_the_switch_for_https_wins_over_the_address() -> None:
    assert ConsulSettings(http_addr="http://consul:1", http_ssl=True).scheme == "https"
    assert ConsulSettings(http_addr="http://consul", http_ssl=True).port == 443


@pytest.mark.parametrize(
    "said", ["ftp://consul", "unix:///run/consul.sock", "consul:port", "consul:99999", ":8500", "//", "[::1", "a:b:c"]
)
def test_an_address_that_is_none_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", said)
    with pytest.raises(SettingsError, match=r"^CONSUL_HTTP_ADDR: .*expected HOST:PORT"):
        load(ConsulSettings)


@pytest.mark.parametrize(
    ("variable", "settings", "text"),
    [
        ("SERVICE_PORT", ServiceSettings, SECRET),
        ("SERVICE_LINGER", ServiceSettings, SECRET),
        ("CONSUL_HTTP_ADDR", ConsulSettings, f"host:{SECRET}"),
        ("CONSUL_HTTP_ADDR", ConsulSettings, f"[{SECRET}"),
        ("CONSUL_HTTP_ADDR", ConsulSettings, f"{SECRET}://host"),
        ("CONSUL_HTTP_SSL", ConsulSettings, SECRET),
        ("EXAMPLE_TOKEN", Example, SECRET),
    ],
)
def test_an_error_names_the_variable_and_not_its_value(
    variable: str, settings: type[BaseSettings], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError, match=variable) as raised:
        load(settings)
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_PORT", "x")
    monkeypatch.setenv("SERVICE_DRAIN", "-1")
    with pytest.raises(SettingsError, match=r"SERVICE_PORT.*SERVICE_DRAIN"):
        load(ServiceSettings)


def test_a_token_is_not_shown() -> None:
    assert SECRET not in repr(ConsulSettings(http_token=SECRET))
    assert SECRET not in str(ConsulSettings(http_token=SECRET))


def test_a_token_file_wins_over_a_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    assert ConsulSettings(http_token="other", http_token_file=file).token() == SECRET


@pytest.mark.parametrize("content", [None, b"\xff\xfe", "ü".encode(), b"a\nb"])
def test_a_token_file_that_holds_none_is_said(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError):
        ConsulSettings(http_token_file=file).token()


def test_no_certificates_are_read_where_there_is_no_tls() -> None:
    assert ConsulSettings(cacert=Path("/nowhere")).tls() is False


def test_certificates_are_checked_unless_told_otherwise() -> None:
    checked, unchecked = (ConsulSettings(http_ssl=True, http_ssl_verify=verify).tls() for verify in (True, False))
    assert isinstance(checked, ssl.SSLContext)
    assert isinstance(unchecked, ssl.SSLContext)
    assert (checked.verify_mode, checked.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (unchecked.verify_mode, unchecked.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("files", [{"cacert": "/nowhere"}, {"client_cert": "/nowhere"}, {"client_cert": __file__}])
def test_tls_files_that_cannot_be_used_are_said(files: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="TLS files"):
        ConsulSettings(http_ssl=True, **files).tls()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [("SERVICE_PROT", "SERVICE_PORT"), ("SERVICE_ADVERTIZE", "SERVICE_ADVERTISE"), ("SERVICE_QQQQQQQQ", "")],
)
def test_a_variable_that_looks_misspelt_is_named_with_what_was_meant(variable: str, meant: str) -> None:
    environ = {variable: "1", "SERVICE_PORT": "1", "PATH": "/", "CONSUL_ANYTHING": "1", "SERVICEPORT": "1"}
    assert misspelt(environ, [ServiceSettings, ConsulSettings]) == {variable: meant}


def test_names_are_those_that_are_read() -> None:
    assert names([Example]) == {"EXAMPLE_NUMBER", "EXAMPLE_TOKEN"}
