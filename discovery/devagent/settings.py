"""Where the embedded registry listens: `DEVAGENT_HOST`, `DEVAGENT_PORT`."""

from __future__ import annotations

import logging
import os

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from discovery.devagent.loopback import is_loopback
from discovery.settings import misspelt

log = logging.getLogger(__name__)


class DevagentSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DEVAGENT_", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8500, ge=0, le=65535, description="0 takes any free port")

    @field_validator("host")
    @classmethod
    def _is_loopback(cls, value: str) -> str:
        host = value.strip("[]")
        if not is_loopback(host):
            raise ValueError("the embedded registry is for one machine: localhost, 127.0.0.1 or ::1, nothing else")
        return host


def warn_of_misspelt_variables() -> None:
    for name, meant in misspelt(os.environ, [DevagentSettings]).items():
        log.warning("no such setting", extra={"variable": name, "meant": meant or None})
