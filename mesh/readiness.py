"""When an instance serves: the registry calls its newest process healthy, and the gateway sends it requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from time import monotonic

from discovery.consul import Consul
from discovery.errors import RegistryError
from discovery.instance import Instance
from mesh.admin import Process, Rotation, Seen, admin_at, admin_authorities
from mesh.catalog import everyone
from mesh.errors import NoGateway, NotReady
from mesh.ghosts import boot_began
from mesh.supervisor import Running

POLL = 0.1

READY_WITHIN = 60.0
"""Seconds for a process to start, register and be used; about two on an idle machine."""

SHORT_LIVES = 3
"""In a row, and without having served: then it will not help to wait."""

UNKNOWN = Seen(False, "not known yet")

LAST_BYTES, LAST_CHARACTERS = 4096, 300


async def until_serving(
    consul: Consul,
    running: Callable[[], Awaitable[Iterable[Running]]],
    *,
    tell: Callable[[int], object] = lambda _: None,
    seconds: float = READY_WITHIN,
) -> None:
    """Return when all serve but those that are to be down; `tell` is called with how many do not yet.

    Raises NotReady with the reason for one that does not, after `seconds`, or as soon as it has died too often.
    """
    deadline = monotonic() + seconds
    while True:
        wanted = [one for one in await running() if one.state != "down"]
        missing = await missing_of(consul, wanted)
        if not missing:
            return
        tell(len(missing))
        behind = [one for one in wanted if one.id in missing]
        hopeless = [one for one in behind if one.short_lives >= SHORT_LIVES]
        if hopeless or monotonic() > deadline:
            raise NotReady(_explain((hopeless or behind)[0], missing))
        await asyncio.sleep(POLL)


async def missing_of(consul: Consul, wanted: Iterable[Running]) -> dict[str, str]:
    """Those that do not serve yet, each with what is missing."""
    try:
        entries = await everyone(consul)
    except RegistryError as error:
        return {one.id: f"the registry does not answer: {error}" for one in wanted}
    seen = await rotation(entries)
    by_id = {entry.id: entry for entry in entries}
    reasons = {one.id: why_not(one, by_id.get(one.id), seen) for one in wanted}
    return {instance: reason for instance, reason in reasons.items() if reason is not None}


async def rotation(entries: Iterable[Instance]) -> Rotation | None:
    """What the gateways of this machine say of each instance; None if none can be asked."""
    gateways = admin_authorities(entry for entry in entries if entry.service == "gateway")
    answers = await asyncio.gather(*map(_rotation_at, gateways.values()))
    known = {gateway: seen for gateway, seen in zip(gateways, answers, strict=True) if seen is not None}
    return together(known) if known else None


async def _rotation_at(authority: str) -> Rotation | None:
    try:
        async with admin_at(authority) as admin:
            return await admin.rotation()
    except NoGateway:
        return None


def together(by_gateway: Mapping[str, Rotation]) -> Rotation:
    """In rotation is what every gateway sends requests to; of several, the one that does not is named."""
    if len(by_gateway) == 1:
        return next(iter(by_gateway.values()))
    merged: dict[Process, Seen] = {}
    for process in {process for seen in by_gateway.values() for process in seen}:
        by_name = {gateway: seen.get(process, UNKNOWN) for gateway, seen in by_gateway.items()}
        out = {gateway: seen for gateway, seen in by_name.items() if not seen.in_rotation}
        why = "; ".join(f"{seen.why} at {gateway}" for gateway, seen in out.items())
        merged[process] = Seen(False, why) if out else next(iter(by_name.values()))
    return merged


def why_not(one: Running, entry: Instance | None, seen: Rotation | None) -> str | None:
    """What is missing until it serves; None if it does. Without a gateway, the registry's word is enough."""
    if one.pid is None:
        return f"it does not run ({one.last_end})" if one.last_end else "it does not run yet"
    if entry is None or (boot_began(entry.boot_id) or 0.0) < (one.started_at or 0.0):
        return "it has not registered yet"
    if entry.health != "passing":
        return f"the registry calls it {entry.health}"
    if one.service == "gateway" or seen is None:
        return None
    by_gateway = seen.get((entry.id, entry.boot_id))
    if by_gateway is None:
        return "the gateway has not heard of it yet"
    return None if by_gateway.in_rotation else f"the gateway leaves it out: {by_gateway.why}"


def _explain(one: Running, missing: Mapping[str, str]) -> str:
    ended = f", and ended with {one.last_end} before" if one.last_end and one.pid else ""
    return f"{one.id} does not serve: {missing[one.id]}{ended}; its log is {one.log}{last_words(Path(one.log))}"


def last_words(log: Path) -> str:
    """The last line of a log, for somebody who would otherwise have to look there first."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LAST_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    spoken = [line.strip() for line in lines if line.strip()]
    return f", and ends with: {spoken[-1][:LAST_CHARACTERS]}" if spoken else ""
