"""`mesh ps`"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mesh.census import Census, Row, census
from mesh.commands.options import AsJson, FromRegistry, GatewayPort
from mesh.errors import MeshError
from mesh.target import registry_of, running_mesh_if_any
from mesh.terminal import console, emit, printable

HEALTH = {"passing": "green", "warning": "yellow", "critical": "red", "ghost": "magenta", "down": "red"}


def ps(
    watch: Annotated[bool, typer.Option("--watch", help="Look again every second, until Ctrl-C.")] = False,
    gateway_port: GatewayPort = None,
    consul: FromRegistry = None,
    as_json: AsJson = False,
) -> None:
    """Show every instance that the registry knows, and whether the gateway uses it."""
    if watch:
        with suppress(KeyboardInterrupt):  # which is how it is meant to end
            asyncio.run(_watch(gateway_port, consul, as_json))
        return
    found = asyncio.run(_look(gateway_port, consul))
    emit(found.as_json()) if as_json else console().print(table(found))


async def _look(gateway_port: int | None, consul: str | None) -> Census:
    mesh = await running_mesh_if_any(gateway_port) if consul is None else None
    return await census(registry_of(mesh, consul), mesh)


async def _watch(gateway_port: int | None, consul: str | None, as_json: bool) -> None:
    """What cannot be seen for a while (a registry that is being restarted) is said, and does not end the watch."""
    first = await _look(gateway_port, consul)
    if as_json:
        while True:
            emit(first.as_json())
            await asyncio.sleep(1)
            first = await _look(gateway_port, consul)
    with Live(table(first), console=console(), auto_refresh=False) as live:
        while True:
            await asyncio.sleep(1)
            live.update(await _table_or_why_not(gateway_port, consul), refresh=True)


async def _table_or_why_not(gateway_port: int | None, consul: str | None) -> RenderableType:
    try:
        return table(await _look(gateway_port, consul))
    except MeshError as error:
        return Text(printable(str(error)), style="yellow")


def table(found: Census) -> Table:
    headings = ("SERVICE", "INSTANCE", "ADDRESS", "HEALTH", "PROCESS", "AGE", "VERSION", "IN ROTATION", "STATUS AT")
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", caption_justify="left")
    for heading in headings:
        table.add_column(heading, header_style="dim", overflow="fold")
    table.caption = f"{len(found.rows)} instances, from {printable(found.registry)} ({printable(found.registry_is)})"
    for row in found.rows:
        table.add_row(*map(_cell, _texts(row)))
    return table


def _texts(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        (row.service, ""),
        (row.id, "bold"),
        (row.address, ""),
        (row.health, HEALTH.get(row.health, "yellow")),
        (str(row.pid or "-"), ""),
        (age(row.age), ""),
        (row.version or "-", ""),
        _rotation(row),
        (row.admin or "-", ""),
    )


def _rotation(row: Row) -> tuple[str, str]:
    if row.in_rotation is None:
        return "-", "dim"
    return ("yes", "green") if row.in_rotation else (f"no: {row.why}" if row.why else "no", "yellow")


def _cell(said: tuple[str, str]) -> Text:
    text, style = said
    return Text(printable(text), style=style)


def age(seconds: float | None) -> str:
    """In the largest unit that fits: `12s`, `3m`, `2h`, `5d`."""
    if seconds is None:
        return "-"
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f}{unit}"
    return f"{seconds:.0f}s"
