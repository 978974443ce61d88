"""Fixtures for all tests: real registries, the same tests on each, and something for their checks to look at."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.contract.checked import Checked
from tests.registries import KINDS, Registries, Registry, has_consul

settings.register_profile(
    "patient",
    deadline=None,  # a slow machine is no fault of the code
    derandomize="CI" in os.environ,  # a change is not refused for an example that another one would have met
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def registries() -> Iterator[Registries]:
    started = Registries()
    yield started
    started.close()


@pytest.fixture(params=KINDS)
async def registry(request: pytest.FixtureRequest, registries: Registries) -> AsyncIterator[Registry]:
    """A running, empty registry; the test runs once on the embedded one and once on Consul."""
    if request.param == "consul" and not has_consul():
        pytest.skip("no consul binary on PATH (MESH_REQUIRE_CONSUL=1 makes this a failure)")
    taken = await registries.take(request.param)
    yield taken
    await registries.give_back(taken)


@pytest.fixture
async def checked() -> AsyncIterator[Checked]:
    async with Checked() as server:
        yield server
