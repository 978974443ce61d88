"""Stop work whose client has gone away, so that it leaves whatever queue it is in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from services.encrypt.refused import Abandoned

Result = TypeVar("Result")


async def unless_abandoned(receive: Receive, work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` returns or raises. Raises Abandoned, with `work` cancelled, if the client leaves first.

    The request's body must have been read: from then on `receive` has nothing to say but that.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_disconnect(receive))
    working.add_done_callback(_noticed)
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Abandoned
    finally:
        leaving.cancel()
        working.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _noticed(task: asyncio.Task[Any]) -> None:
    """What fails after the client has left is nobody's any more; asyncio would print it, message and all."""
    if not task.cancelled():
        task.exception()
