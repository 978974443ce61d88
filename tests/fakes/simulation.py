"""An event loop whose time passes only when nothing is left to do, so that hours of deadlines take no time at all.

Every timer of asyncio obeys it: `sleep`, `timeout`, `call_later`. What would wait for ever is told so.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

P = ParamSpec("P")


class Stuck(Exception):
    """Nothing is scheduled and nothing can arrive: the code under test waits for what nobody will do."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer. `complaints` are what a real loop would log: exceptions that nobody retrieved."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        self.complaints: list[str] = []
        super().__init__(self._jumping)
        self.set_exception_handler(lambda _loop, context: self.complaints.append(str(context)))

    def time(self) -> float:
        return self._jumping.now


class _Jumping(selectors.SelectSelector):
    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise Stuck
            self.now += timeout
        return ready


def simulated(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in simulated time; it fails when an exception is left that nobody retrieved."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        loop = SimulatedLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(test(*args, **kwargs))
            gc.collect(1)  # the generations that this test can have filled
        assert loop.complaints == []

    return run


def clock() -> float:
    """The time of the loop that runs."""
    return asyncio.get_running_loop().time()
