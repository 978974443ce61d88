"""Real registries for tests, one process each: the embedded one, and Consul where there is a binary."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import IO
from urllib.parse import quote

import httpx2

from discovery.errors import RegistryError
from discovery.ports import free_ports
from mesh.registry import Kind, command, consul_binary, environment, wait_until_ready

KINDS: tuple[Kind, ...] = ("embedded", "consul")
DEADLINE = 30.0
"""Seconds that a slow machine gets for what takes one."""


class Registry:
    """A registry on a port of its own, which it keeps when it is stopped and started again."""

    def __init__(self, kind: Kind, *, data_dir: Path | None = None) -> None:
        self.kind = kind
        self._data_dir = data_dir
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the registry is not running"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Empty, whatever was registered before, unless it has a directory for its data."""
        assert not self.is_running
        with tempfile.TemporaryFile() as output:
            self._process = self._spawn(output)
            try:
                await wait_until_ready(self.address, seconds=DEADLINE)
            except RegistryError as error:
                self.kill()
                output.seek(0)
                raise AssertionError(f"{error}\n{output.read().decode(errors='replace')}") from error

    async def stop(self, signal: Signals = SIGTERM) -> int:
        """Send the signal and wait for the end; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal)
        code = await asyncio.to_thread(self._process.wait, DEADLINE)
        self._process = None
        return code

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(SIGKILL)
            self._process.wait(DEADLINE)
            self._process = None

    async def clear(self) -> bool:
        """Deregister everything; whether it answers, nothing is left, and nobody puts it back."""
        try:
            async with httpx2.AsyncClient(base_url=self.url, timeout=5, trust_env=False, verify=False) as http:
                for service_id in (await http.get("/v1/agent/services")).json():
                    await http.put("/v1/agent/service/deregister/" + quote(service_id, safe=""))
                for _ in range(100):
                    if list((await http.get("/v1/catalog/services")).json()) == ["consul"]:
                        return True
                    await asyncio.sleep(0.01)
        except httpx2.TransportError:
            pass
        return False

    def _spawn(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command(self.kind, self.port, data_dir=self._data_dir),
            env={**os.environ, **environment(self.kind, self.port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


class Registries:
    """One registry of each kind for a whole run of tests: starting one takes longer than most tests do."""

    def __init__(self) -> None:
        self._started: dict[Kind, Registry] = {}

    async def take(self, kind: Kind) -> Registry:
        registry = self._started.setdefault(kind, Registry(kind))
        if not registry.is_running:
            await registry.start()
        return registry

    async def give_back(self, registry: Registry) -> None:
        """The next test gets it empty; one that cannot be emptied, or was hurt, is replaced."""
        if not registry.is_running or not await registry.clear():
            registry.kill()
            del self._started[registry.kind]

    def close(self) -> None:
        for registry in self._started.values():
            registry.kill()


def has_consul() -> bool:
    """Whether tests on Consul can run; with MESH_REQUIRE_CONSUL=1 they run in any case, and fail without it."""
    return consul_binary() is not None or os.environ.get("MESH_REQUIRE_CONSUL") == "1"
