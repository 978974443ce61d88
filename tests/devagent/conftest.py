"""Fixtures: an embedded registry as a process, and somebody who asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.registries import DEADLINE, Registries, Registry


@pytest.fixture
async def embedded(registries: Registries) -> AsyncIterator[Registry]:
    taken = await registries.take("embedded")
    yield taken
    await registries.give_back(taken)


@pytest.fixture
async def http(embedded: Registry) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=embedded.url, timeout=DEADLINE, trust_env=False, verify=False) as client:
        yield client
