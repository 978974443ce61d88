"""The story of the demo, with real processes, on both registries."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mesh.outcome import Outcome
from mesh.report import Answer, summarize
from tests.mesh.typed import Shell

needs_consul = pytest.mark.skipif(
    shutil.which("consul") is None and not os.environ.get("MESH_REQUIRE_CONSUL"), reason="no consul binary on PATH"
)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("consul", "registry"), [("embedded", "embedded"), pytest.param("binary", "consul ", marks=needs_consul)]
)
async def test_an_instance_is_killed_and_found_again_and_no_client_notices(
    tmp_path: Path, consul: str, registry: str
) -> None:
    told = await Shell(tmp_path).type("demo", "--json", "--seconds=0", f"--consul={consul}")
    assert told.code == 0, told.out + told.err
    outcome = told.document
    assert outcome["registry"].startswith(registry)
    assert outcome["failed"] == 0
    assert sum(outcome["answered"].values()) == outcome["requests"] > 0
    assert outcome["victim"] in outcome["answered"]
    for moment in ("ejected_ms", "critical_ms", "rediscovered_ms"):
        assert outcome[moment] >= 0
    assert list((tmp_path / "mesh").iterdir()) == []


def outcome(*, error: str | None = None, rediscovered_ms: float | None = 20.0) -> Outcome:
    report = summarize([Answer(0.0, 0.1, 200, "encrypt-1", 1, error)])
    return Outcome("embedded", "encrypt-1", report, 5.0, 800.0, rediscovered_ms)


def test_it_went_well_only_if_nobody_noticed_and_the_instance_is_back() -> None:
    assert outcome().is_success
    assert not outcome(error="status 503").is_success
    assert not outcome(rediscovered_ms=None).is_success


def test_what_was_not_reached_is_null() -> None:
    document = outcome(rediscovered_ms=None).as_json()
    assert document["rediscovered_ms"] is None
    assert (document["requests"], document["failed"], document["answered"]) == (1, 0, {"encrypt-1": 1})
