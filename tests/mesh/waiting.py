"""Waiting for something to become true: long enough for a slow machine, and no longer than needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psutil

DEADLINE = 30.0


async def until(true: Callable[[], object], *, within: float = DEADLINE) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """A zombie has ended: only nobody has asked how."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
