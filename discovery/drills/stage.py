"""What is drilled: an embedded registry and instances of one program, started, waited for, and ended for sure."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from time import monotonic
from types import TracebackType

from discovery.consul import Consul
from discovery.drills.process import Arguments, Process
from discovery.drills.settings import environment
from discovery.errors import DrillFailed, RegistryError
from discovery.instance import Instance
from discovery.ports import free_ports
from discovery.settings import ConsulSettings, load

POLL = 0.05

SERVES_WITHIN = 60.0
"""Seconds for a program to start and register; one or two on an idle machine."""


class Stage:
    """When it is entered all serve, and when it is left all have ended. Raises DrillFailed."""

    def __init__(self, argv: Arguments, service: str, instances: int, told: Mapping[str, str], *, logs: Path) -> None:
        """`told` is added to the environment of each instance; what they say goes to `logs`."""
        registry_port, *ports = free_ports(instances + 1)
        self.consul_settings = consul_settings(registry_port)
        self.registry = _registry(registry_port, logs)
        self.instances = [
            _instance(argv, f"{service}-{number}", port, self.consul_settings.http_addr, told, logs)
            for number, port in enumerate(ports, start=1)
        ]
        self._service = service
        self._consul = Consul(self.consul_settings)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Stage:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._consul.aclose)
            for each in (self.registry, *self.instances):
                stack.callback(each.end)
            await self.start_registry()
            await asyncio.gather(*map(self.start, self.instances))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    async def start_registry(self) -> None:
        """Return when it answers, and knows all instances that can tell it of themselves."""
        self.registry.start()
        await _until_nothing_is_missing(self.registry, self._answer)
        awake = [each for each in self.instances if each.is_running and not each.is_stopped]
        await asyncio.gather(*map(self._until_it_serves, awake))

    async def start(self, instance: Process) -> None:
        """Return when it serves."""
        instance.start()
        await self._until_it_serves(instance)

    async def _until_it_serves(self, instance: Process) -> None:
        """By the registry's word; while there is no registry, when somebody listens on its port."""
        if self.registry.is_running:
            await _until_nothing_is_missing(instance, partial(self._registration, instance))
        else:
            await _until_nothing_is_missing(instance, partial(_listener, instance.port))

    async def _answer(self) -> str:
        """What is missing in the registry's answer."""
        try:
            await self._consul.services()
        except RegistryError as error:
            return str(error)
        return ""

    async def _registration(self, instance: Process) -> str:
        try:
            listed = (await self._consul.instances(self._service)).value
        except RegistryError as error:
            return str(error)
        return unregistered(instance.name, instance.started_at, listed)


def unregistered(name: str, started_at: float, listed: Sequence[Instance]) -> str:
    """What is missing for the process of this instance that began at `started_at` (Unix seconds); empty if nothing."""
    began = f"{int(started_at * 1000):012x}"  # as boot IDs begin: they sort by the time of their start
    found = [each for each in listed if each.id == name]
    if not found:
        others = ", ".join(sorted(each.id for each in listed)) or "nobody"
        return f"it has not registered (the registry knows {others} of its service)"
    if found[0].boot_id < began:
        return "it has not registered again"
    return "" if found[0].health == "passing" else f"the registry calls it {found[0].health}"


async def _listener(port: int) -> str:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return f"nobody listens on port {port}"
    writer.close()
    return ""


async def _until_nothing_is_missing(process: Process, missing: Callable[[], Awaitable[str]]) -> None:
    """Raises DrillFailed with what is missing as soon as the process has ended, or when its time is over."""
    deadline = monotonic() + SERVES_WITHIN
    while why := await missing():
        if not process.is_running or monotonic() > deadline:
            raise DrillFailed(process.surprise() or f"{process.name} does not serve: {why}{process.last_words()}")
        await asyncio.sleep(POLL)


def consul_settings(port: int) -> ConsulSettings:
    """How to speak to a registry that we started, whatever the environment says of another one."""
    return load(ConsulSettings, http_addr=f"127.0.0.1:{port}", http_ssl=False, http_token=None, http_token_file=None)


def _registry(port: int, logs: Path) -> Process:
    told = environment({"DEVAGENT_HOST": "127.0.0.1", "DEVAGENT_PORT": str(port)})
    return Process("registry", [sys.executable, "-m", "discovery.devagent"], port, told, logs / "registry.log")


def _instance(argv: Arguments, name: str, port: int, registry: str, told: Mapping[str, str], logs: Path) -> Process:
    ours = {"CONSUL_HTTP_ADDR": registry, "SERVICE_ID": name, "SERVICE_PORT": str(port)}
    return Process(name, argv, port, environment({**ours, **told}), logs / f"{name}.log")
