"""Settings: a clear word for what cannot be, and defaults that fit the rest of the house."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from services.encrypt.transport import longest_body

from .doubles import quiet_settings


def test_the_defaults_fit_a_gateway_that_takes_one_mebibyte() -> None:
    assert longest_body(quiet_settings().text_bytes) <= 1024 * 1024
    assert quiet_settings().faults is False


def test_a_level_may_be_written_small() -> None:
    assert quiet_settings(log_level="warning").log_level == "WARNING"


@pytest.mark.parametrize(
    "values",
    [
        {"kdf_concurrency": 0},
        {"kdf_queue": -1},
        {"cache_minutes": 0},
        {"cache_minutes": float("nan")},
        {"cache_minutes": float("inf")},
        {"cache_entries": 0},
        {"text_bytes": 0},
        {"body_seconds": 0},
        {"in_flight": 0},
        {"log_level": "CHATTY"},
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        quiet_settings(**values)


@pytest.mark.parametrize(("name", "value"), [("ENCRYPT_KDF_QUEUE", "hush"), ("ENCRYPT_FAULTS", "hush")])
def test_a_process_names_the_variable_that_it_cannot_use_and_not_its_value(name: str, value: str) -> None:
    said = _start({name: value})
    assert said.returncode == 1
    assert name in said.stderr
    assert value not in said.stderr
    assert "Traceback" not in said.stderr


def test_a_process_names_a_misspelt_variable_and_what_was_probably_meant() -> None:
    said = _start({"ENCRYPT_CACHE_MINUTE": "5", "SERVICE_PORT": "not a port"})
    assert "ENCRYPT_CACHE_MINUTES" in said.stderr


def _start(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A process that does not get as far as listening."""
    return subprocess.run(
        [sys.executable, "-m", "services.encrypt"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
