"""Waiting for what will come: generous towards a slow machine, an error where nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

DEADLINE = 30.0
"""Seconds after which a test is not slow but stuck."""


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.002)


async def a_few_turns() -> None:
    """Long enough for what is ready to happen; only for showing that something does not."""
    for _ in range(20):
        await asyncio.sleep(0.002)
