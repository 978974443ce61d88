"""What the cockpit reads from the environment, and what of it the programs get that it starts."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from discovery.settings import ConsulSettings, load


class GatewaySettings(BaseSettings):
    """Where the gateway is to listen; `--gateway-port` comes before it."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    admin_host: str = "127.0.0.1"
    admin_port: int | None = Field(default=None, ge=1, le=65535, description="default: the one after the public port")


class RuntimeSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="XDG_", env_ignore_empty=True)

    runtime_dir: Path | None = None


def inherited() -> dict[str, str]:
    """Our own environment, which programs get too.

    They do not look for modules in the working directory, where another project may have a `services` package.
    """
    return {**os.environ, "PYTHONSAFEPATH": "1"}


def consul_in_environment() -> str | None:
    return os.environ.get("CONSUL_HTTP_ADDR") or None


def consul_settings(address: str, *, ours: bool) -> ConsulSettings:
    """How to speak to the registry at `address`; without TLS if we started it. Raises SettingsError."""
    more: dict[str, Any] = {"http_ssl": False} if ours else {}
    return load(ConsulSettings, http_addr=address, **more)


def reachable(host: str) -> str:
    """Where to call somebody who listens on `host`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "::1" if address.version == 6 else "127.0.0.1"
