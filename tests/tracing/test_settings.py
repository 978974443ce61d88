"""When traces are on, where they go, and what is said of variables that cannot be understood."""

from __future__ import annotations

import pytest

from discovery.errors import SettingsError
from discovery.settings import load
from discovery.tracing.settings import TracingSettings

BASE, TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
COLLECTOR = "http://collector:4318"


def endpoint(**variables: str) -> str | None:
    """With these variables and no other of OpenTelemetry's."""
    with pytest.MonkeyPatch.context() as environment:
        for name in TracingSettings.model_fields:
            environment.delenv(f"OTEL_{name}".upper(), raising=False)
        for name, value in variables.items():
            environment.setenv(name, value)
        return load(TracingSettings).endpoint()


def test_off_unless_an_endpoint_is_named() -> None:
    assert endpoint() is None
    assert endpoint(OTEL_TRACES_EXPORTER="otlp", OTEL_SDK_DISABLED="false") is None
    assert endpoint(**{BASE: "", TRACES: ""}) is None


@pytest.mark.parametrize("said", [COLLECTOR, COLLECTOR + "/"])
def test_the_endpoint_for_all_signals_is_a_base(said: str) -> None:
    assert endpoint(**{BASE: said}) == "http://collector:4318/v1/traces"
    assert endpoint(**{BASE: said, TRACES: ""}) == "http://collector:4318/v1/traces"


def test_the_one_for_traces_wins_and_is_taken_as_it_is() -> None:
    assert endpoint(**{BASE: COLLECTOR, TRACES: "https://other/in/"}) == "https://other/in/"


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "TRUE"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_what_is_off_is_off_whatever_else_is_said(off: dict[str, str]) -> None:
    assert endpoint(**{BASE: COLLECTOR}, **off) is None
    assert endpoint(**{BASE: "hush"}, OTEL_EXPORTER_OTLP_PROTOCOL="grpc", **off) is None


@pytest.mark.parametrize("on", ["", "false", "1", "yes"])
def test_only_true_disables(on: str) -> None:
    assert endpoint(**{BASE: COLLECTOR}, OTEL_SDK_DISABLED=on)


@pytest.mark.parametrize("bad", ["hush", "hush:4318", "ftp://hush", "http://", "http://hush:port", "http://hush:0"])
@pytest.mark.parametrize("name", [BASE, TRACES])
def test_an_endpoint_that_is_none_is_named_but_not_quoted(name: str, bad: str) -> None:
    with pytest.raises(SettingsError) as raised:
        endpoint(**{name: bad})
    assert str(raised.value) == f"{name}: expected http(s)://HOST:PORT"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
    ],
)
def test_what_is_not_spoken_here_is_said(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        endpoint(**{BASE: COLLECTOR, name: value})


def test_the_protocol_for_traces_counts_more() -> None:
    protocols = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}
    assert endpoint(**{BASE: COLLECTOR}, **protocols)
