"""What the encrypt service reads from the environment, beside what every service reads (`SERVICE_…`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class EncryptSettings(BaseSettings):
    """Defaults suit one instance beside others on a small machine."""

    model_config = SettingsConfigDict(env_prefix="ENCRYPT_", env_ignore_empty=True)

    kdf_concurrency: int = Field(default=2, ge=1, le=64, description="derivations at once; 19 MiB each")
    kdf_queue: int = Field(
        default=32,
        ge=0,
        le=10_000,
        description="derivations waiting; 32 take about 0.7 s, within a gateway's 2 s for one attempt",
    )
    cache_minutes: float = Field(default=10.0, gt=0, le=1440, description="how long a derived key is kept")
    cache_entries: int = Field(default=10_000, ge=1, le=100_000, description="derived keys kept")
    text_bytes: int = Field(
        default=160 * 1024,
        ge=1,
        le=4 * 1024 * 1024,
        description="longest text in UTF-8; the default fits in 1 MiB of JSON however it is escaped",
    )
    body_seconds: float = Field(default=10.0, gt=0, le=300, description="time for a request's body to arrive")
    in_flight: int = Field(default=512, ge=1, description="requests at once; the rest is told to come back")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"
    faults: bool = Field(default=False, description="for drills: adds PUT /faults, which hurts this instance")
