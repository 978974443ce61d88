"""Wait for the first of a few futures, or for a moment, at the cost of one future and one timer.

`asyncio.wait` does the same with more sets and callbacks; this stands in the way of every request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any


async def first_done(futures: Sequence[asyncio.Future[Any]], seconds: float) -> asyncio.Future[Any] | None:
    """The first future that is done; None when none is within `seconds`. Cancels nothing."""
    for future in futures:
        if future.done():
            return future
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[asyncio.Future[Any] | None] = loop.create_future()

    def wake(done: asyncio.Future[Any] | None = None) -> None:
        if not waiter.done():
            waiter.set_result(done)

    timer = loop.call_later(max(0.0, seconds), wake)
    for future in futures:
        future.add_done_callback(wake)
    try:
        return await waiter
    finally:
        timer.cancel()
        for future in futures:
            future.remove_done_callback(wake)
