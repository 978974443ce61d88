"""What the gateway reads from the environment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, IPvAnyNetwork, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


class GatewaySettings(BaseSettings):
    """Where it listens and what it allows. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    shared: bool = Field(default=False, description="other gateways listen on the same port too (SO_REUSEPORT)")
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(default=8081, ge=0, le=65535)
    admin_names: Annotated[list[str], NoDecode] = Field(
        default=[], description="more Host names that the admin listener answers to, as a JSON list"
    )
    trusted_proxies: Annotated[list[IPvAnyNetwork], NoDecode] = Field(
        default=[], description="networks whose word about where a request came from is taken, as a JSON list"
    )
    last_known: Path | None = Field(default=None, description="file for the last known instances, kept over restarts")
    request_log: bool = Field(default=True, description="one line for each request")
    deadline: float = Field(default=10.0, gt=0, le=3600, description="over all attempts, up to the response's head")
    connection_limit: int = Field(default=10_000, ge=1, description="clients at once; who comes then gets 503")
    body_limit: int = Field(default=1 << 20, ge=0, le=32 << 20)

    @field_validator("admin_names", mode="before")
    @classmethod
    def _is_a_list_of_names(cls, value: object) -> object:
        """Read here, because what pydantic-settings raises for what is no JSON is no ValidationError."""
        names = _listed(value)
        if names is None or not all(isinstance(each, str) and HOST.fullmatch(each) for each in names):
            raise ValueError("expected a JSON list of host names, without ports")
        return names

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _is_a_list_of_networks(cls, value: object) -> object:
        networks = _listed(value)
        if networks is None or not all(isinstance(each, str) for each in networks):
            raise ValueError("expected a JSON list of addresses or networks")
        return networks


def _listed(value: object) -> list[object] | None:
    """A list, or text that is one in JSON; None for anything else."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return found if isinstance(found, list) else None
