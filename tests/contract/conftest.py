"""The fixture of the contract: somebody who asks the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.contract.asking import Asking
from tests.registries import DEADLINE, Registry


@pytest.fixture
async def ask(registry: Registry) -> AsyncIterator[Asking]:
    async with httpx2.AsyncClient(base_url=registry.url, timeout=DEADLINE, trust_env=False, verify=False) as http:
        yield Asking(http)
