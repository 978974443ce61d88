"""One mesh for all tests that put back what they hurt, on each kind of registry."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesh.registry import Kind
from tests.e2e.meshes import Mesh, a_mesh
from tests.registries import KINDS, Registries, Registry, has_consul


@pytest.fixture(scope="package", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "consul" and not has_consul():
        pytest.skip("no consul binary on PATH (MESH_REQUIRE_CONSUL=1 makes this a failure)")
    found: Kind = request.param
    return found


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shared_registry(kind: Kind, registries: Registries) -> AsyncIterator[Registry]:
    """The one of the shared mesh."""
    taken = await registries.take(kind)
    yield taken
    await registries.give_back(taken)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shared_mesh(shared_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    async with a_mesh(shared_registry, tmp_path_factory.mktemp("logs")) as mesh:
        yield mesh


@pytest_asyncio.fixture(loop_scope="session")
async def mesh(shared_mesh: Mesh) -> Mesh:
    """A gateway and three instances of encrypt that all serve, whatever the test before did."""
    await shared_mesh.ready()
    return shared_mesh


@pytest_asyncio.fixture(loop_scope="session")
async def absent(kind: Kind) -> AsyncIterator[Registry]:
    """A registry that has a place and was not started yet."""
    registry = Registry(kind)
    yield registry
    registry.kill()
