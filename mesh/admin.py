"""The gateway's admin listener, as far as the cockpit asks it."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import httpx2

from discovery.instance import Instance
from mesh.errors import NoGateway

ANSWERS_WITHIN = 2.0

_AUTHORITY = re.compile(r"(\[[0-9a-f:]+\]|[0-9.]+):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a gateway says of one instance."""

    in_rotation: bool
    why: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One of a gateway's events. `health` is the new one, for the events that tell one."""

    at: datetime
    kind: str
    instance: str
    health: str = ""


Process: TypeAlias = tuple[str, str]
"""Of an instance: its ID and boot ID."""

Rotation: TypeAlias = Mapping[Process, Seen]


class Admin:
    """One gateway's admin listener. Every call raises NoGateway when it gives no usable answer."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def is_ready(self) -> bool:
        return (await self._get("/readyz")).status_code == 200

    async def rotation(self) -> Rotation:
        """What it knows of each instance."""
        document = await self._json("/api/v1/services")
        try:
            return {
                (str(each["id"]), str(each["boot_id"] or "")): Seen(
                    bool(each["in_rotation"]), str(each.get("why") or "")
                )
                for service in document["services"]
                for each in service["instances"]
            }
        except (KeyError, TypeError, AttributeError):
            raise NoGateway(f"{self._http.base_url} does not answer like our gateway's admin listener") from None

    async def events(self) -> list[Happened]:
        """What happened, newest first."""
        document = await self._json("/api/v1/events")
        try:
            return [_happened(each) for each in document["events"]]
        except (KeyError, TypeError, AttributeError, ValueError):
            raise NoGateway(f"{self._http.base_url} does not answer like our gateway's admin listener") from None

    async def _json(self, path: str) -> Any:
        try:
            return (await self._get(path)).raise_for_status().json()
        except (httpx2.HTTPStatusError, ValueError) as error:
            raise NoGateway(f"{self._http.base_url} answers no JSON: {type(error).__name__}") from None

    async def _get(self, path: str) -> httpx2.Response:
        try:
            return await self._http.get(path)
        except httpx2.HTTPError as error:
            raise NoGateway(f"no gateway answers at {self._http.base_url}: {type(error).__name__}") from None


def _happened(event: Any) -> Happened:
    detail = event.get("detail") or {}
    return Happened(
        at=datetime.fromisoformat(event["at"]),
        kind=str(event["kind"]),
        instance=str(event.get("instance") or ""),
        health=str(detail.get("health") or ""),
    )


@asynccontextmanager
async def admin_at(authority: str) -> AsyncIterator[Admin]:
    async with httpx2.AsyncClient(base_url=f"http://{authority}", timeout=ANSWERS_WITHIN, trust_env=False) as http:
        yield Admin(http)


def admin_authorities(entries: Iterable[Instance]) -> dict[str, str]:
    """Where gateways on this machine say that their admin listeners are, by ID: nowhere else, whatever they claim."""
    found = {}
    for entry in entries:
        said = _AUTHORITY.fullmatch(entry.meta.get("admin", ""))
        local = entry.meta.get("host") == socket.gethostname() and entry.health == "passing"
        if said and local and _is_loopback(said[1].strip("[]")):
            found[entry.id] = said[0]
    return found


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
