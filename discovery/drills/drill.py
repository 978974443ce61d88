"""A drill: a steady load on a service, and ways to hurt all but the load."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM
from types import TracebackType
from typing import Any

from discovery.calling import client
from discovery.drills.load import Load
from discovery.drills.process import Arguments
from discovery.drills.report import Report, Tally
from discovery.drills.stage import Stage
from discovery.errors import DrillFailed

A_WHILE = 1.0
"""Seconds of load in which it shows what comes of something that was done."""


class Drill:
    """When it is entered all instances serve, under load; when it is left all that it started has ended.

    Instances are `<service>-1`, `<service>-2` and so on (`ids`), and are hurt by their index, from 0. Each verb returns
    when it is done and a second of load has met what came of it. Raises DrillFailed for what does not start, does not
    serve or does not end, and at the end for an instance that ended though nobody had told it to.
    """

    def __init__(
        self,
        argv: Arguments,
        *,
        service: str,
        request: str,
        status: int = 200,
        instances: int = 3,
        rate: float = 50.0,
        environment: Mapping[str, str] | None = None,
        logs: Path,
        **options: Any,
    ) -> None:
        """`argv` starts one instance of `service`; its ID, its port and the registry are in its environment.

        The load asks `request`, as in `GET /hello`, `rate` times a second through `discovery.client()`, and expects
        `status`. `environment` is for the instances, whose words are kept in `logs`. `options` (`json`, `headers`, …)
        are those of `httpx2.AsyncClient.request`.
        """
        self.stage = Stage(argv, service, instances, environment or {}, logs=logs)
        self.ids = tuple(each.name for each in self.stage.instances)
        self._tally = Tally()
        self._http = client(consul=self.stage.consul_settings)
        method, _, path = request.partition(" ")
        send = partial(self._http.request, method, f"http://{service}{path}", **options)
        self._load = Load(send, self._tally, expected=status, rate=rate)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Drill:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.stage)
            await stack.enter_async_context(self._http)
            stack.push_async_callback(self._load.aclose)
            self._load.start()
            await self.more()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        async with self._stack:
            if kind is None:
                await self._load.stop()
                self._mind_surprises()

    def report(self) -> Report:
        """What the load has met so far; after the end, all of it."""
        return self._tally.report()

    async def more(self, seconds: float = A_WHILE) -> None:
        """Nothing happens, but the load goes on."""
        await self._load.more(seconds)

    async def kill(self, index: int) -> None:
        """SIGKILL."""
        self.stage.instances[index].signal(SIGKILL)
        await self.stage.instances[index].ended()
        await self.more()

    async def term(self, index: int) -> int:
        """SIGTERM: its exit code, once it has ended by itself."""
        self.stage.instances[index].signal(SIGTERM)
        code = await self.stage.instances[index].ended()
        await self.more()
        return code

    async def stop(self, index: int) -> None:
        """SIGSTOP: it holds its connections, and answers nothing."""
        self.stage.instances[index].signal(SIGSTOP)
        await self.more()

    async def resume(self, index: int) -> None:
        """SIGCONT."""
        self.stage.instances[index].signal(SIGCONT)
        await self.more()

    async def restart(self, index: int) -> None:
        """End it, as gently as it can be ended, unless it has ended, and start it on the same port until it serves."""
        instance = self.stage.instances[index]
        if instance.is_running:
            await instance.leave()
        await self.stage.start(instance)
        await self.more()

    async def registry_down(self) -> None:
        """SIGKILL to the registry."""
        self.stage.registry.signal(SIGKILL)
        await self.stage.registry.ended()
        await self.more()

    async def registry_up(self) -> None:
        """Start it again, empty, until all instances that run have registered again."""
        await self.stage.start_registry()
        await self.more()

    def _mind_surprises(self) -> None:
        for each in (self.stage.registry, *self.stage.instances):
            if how := each.surprise():
                raise DrillFailed(how)
