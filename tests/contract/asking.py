"""Plain HTTP to a registry, in the terms of the tests: register, look, wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from tests.registries import DEADLINE

Value = TypeVar("Value")
JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    index: int
    value: Any
    took: float
    """Seconds."""


class Asking:
    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def register(self, name: str, *, replace: bool = False, **more: Any) -> None:
        query = {"replace-existing-checks": "true"} if replace else {}
        response = await self.http.put("/v1/agent/service/register", params=query, json={"Name": name, **more})
        assert response.status_code == 200, response.text
        service_id = more.get("ID", name)
        await eventually(lambda: self._is_visible(name, service_id))

    async def deregister(self, service_id: str) -> None:
        response = await self.http.put(f"/v1/agent/service/deregister/{service_id}")
        assert response.status_code == 200, response.text

    async def get(self, path: str, **query: Any) -> Answer:
        began = time.monotonic()
        response = await self.http.get(path, params=query or None)
        assert response.status_code == 200, response.text
        index = int(response.headers.get("x-consul-index", 0))
        return Answer(index, response.json(), time.monotonic() - began)

    async def health(self, name: str, **query: Any) -> Answer:
        return await self.get(f"/v1/health/service/{name}", **query)

    async def index(self, name: str) -> int:
        return (await self.health(name)).index

    async def checks(self, name: str) -> dict[str, JSON]:
        """The checks of all instances of a service by their ID, without the one on the machine."""
        entries = (await self.health(name)).value
        found = [check for entry in entries for check in entry["Checks"]]
        return {check["CheckID"]: check for check in found if check["CheckID"] != "serfHealth"}

    async def status(self, name: str, check_id: str) -> str | None:
        return (await self.checks(name)).get(check_id, {}).get("Status")

    async def until(self, name: str, check_id: str, status: str) -> JSON:
        """The check, as soon as it has that status."""

        async def found() -> JSON | None:
            check = (await self.checks(name)).get(check_id)
            return check if check is not None and check["Status"] == status else None

        return await eventually(found)

    async def _is_visible(self, name: str, service_id: str) -> bool:
        """A real agent tells its catalog a moment after it has said yes."""
        entries = (await self.health(name)).value
        return any(entry["Service"]["ID"] == service_id for entry in entries)


async def eventually(look: Callable[[], Awaitable[Value | None]]) -> Value:
    """What `look` finds, as soon as that is something."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.01)


async def after(seconds: float, action: Awaitable[Value]) -> Value:
    await asyncio.sleep(seconds)
    return await action
