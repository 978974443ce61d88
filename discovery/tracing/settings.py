"""Where traces go, by the variables that OpenTelemetry names; headers, sampling and sizes of batches its SDK reads."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic_settings import BaseSettings, SettingsConfigDict

from discovery.errors import SettingsError

PROTOCOL = "http/protobuf"


class TracingSettings(BaseSettings):
    """Traces are on where an endpoint is named, and nothing says no. What is off is not looked at any further."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", env_ignore_empty=True)

    sdk_disabled: str = "false"
    traces_exporter: str = "otlp"
    exporter_otlp_endpoint: str | None = None
    exporter_otlp_traces_endpoint: str | None = None
    exporter_otlp_protocol: str = PROTOCOL
    exporter_otlp_traces_protocol: str | None = None

    def endpoint(self) -> str | None:
        """The URL that spans are posted to; None when tracing is off. Raises SettingsError."""
        exporter = self.traces_exporter.strip().lower()
        said = self._said()
        # By OpenTelemetry's rule any word but "true" leaves its SDK on.
        if said is None or exporter == "none" or self.sdk_disabled.strip().lower() == "true":
            return None
        if exporter != "otlp":
            raise SettingsError("OTEL_TRACES_EXPORTER: expected otlp or none")
        if (self.exporter_otlp_traces_protocol or self.exporter_otlp_protocol).strip().lower() != PROTOCOL:
            signal = "TRACES_" if self.exporter_otlp_traces_protocol else ""
            raise SettingsError(f"OTEL_EXPORTER_OTLP_{signal}PROTOCOL: {PROTOCOL} is the only one spoken here")
        name, url = said
        if not _is_http(url):
            raise SettingsError(f"{name}: expected http(s)://HOST:PORT")
        return url

    def _said(self) -> tuple[str, str] | None:
        """Who names an endpoint, and which: the one for traces wins and is taken as it is."""
        if self.exporter_otlp_traces_endpoint:
            return "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", self.exporter_otlp_traces_endpoint
        if self.exporter_otlp_endpoint:
            return "OTEL_EXPORTER_OTLP_ENDPOINT", self.exporter_otlp_endpoint.rstrip("/") + "/v1/traces"
        return None


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, say; its words would quote the value
        return False
