"""What the gateway reads from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """Where it listens and what it allows. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    shared: bool = Field(default=False, description="other gateways listen on the same port too (SO_REUSEPORT)")
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(default=8081, ge=0, le=65535)
    admin_names: list[str] = Field(default=[], description="more Host names that the admin listener answers to")
    last_known: Path | None = Field(default=None, description="file for the last known instances, kept over restarts")
    request_log: bool = Field(default=True, description="one line for each request")
    deadline: float = Field(default=10.0, gt=0, le=3600, description="over all attempts, up to the response's head")
    body_limit: int = Field(default=1 << 20, ge=0, le=32 << 20)
