"""Fixtures of the contract: somebody who asks the registry, and something for its checks to look at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.contract.asking import Asking
from tests.contract.checked import Checked
from tests.registries import DEADLINE, Registry


@pytest.fixture
async def ask(registry: Registry) -> AsyncIterator[Asking]:
    async with httpx2.AsyncClient(base_url=registry.url, timeout=DEADLINE, trust_env=False, verify=False) as http:
        yield Asking(http)


@pytest.fixture
async def checked() -> AsyncIterator[Checked]:
    async with Checked() as server:
        yield server
