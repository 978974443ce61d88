"""`mesh load`"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Annotated

import typer
from rich.table import Table

from mesh.bodies import body_for
from mesh.calling import reach
from mesh.commands.options import AsJson, GatewayPort
from mesh.errors import BadInput
from mesh.exits import FAILED
from mesh.load import THROW_AWAY, Load, post
from mesh.report import Report
from mesh.target import gateway_address
from mesh.terminal import console, emit, printable, progress, say

LOOK_EVERY = 0.5

LATE_MS = 100.0
"""From here on, the sender is part of what was measured, and says so."""


def load(
    rate: Annotated[float, typer.Option(min=0.1, max=20_000, help="Requests a second.")] = 200,
    seconds: Annotated[float, typer.Option(min=0.1, max=86_400, help="How long.")] = 10,
    path: Annotated[str, typer.Option(help="Where the requests go.")] = "/encrypt",
    data: Annotated[
        str | None,
        typer.Option(metavar="-|@FILE", help="The body.", show_default="a text to encrypt, under a throw-away key"),
    ] = None,
    gateway_port: GatewayPort = None,
    as_json: AsJson = False,
) -> None:
    """Send requests on a schedule, whatever the answers do, and report what a client saw.

    Latency counts from the moment a request was due, so a stall shows in full. Failed are those with a status from 400
    on, broken ones, and those without an answer within 10 s. Exits with 1 if any failed.
    """
    body = THROW_AWAY if data is None else body_for(path, data) or b""
    with progress("sending", quiet=as_json) as tell:
        report = asyncio.run(_load(rate, seconds, path, body, gateway_port, tell))
    emit(report.as_json()) if as_json else show(report)
    if report.failed:
        raise typer.Exit(FAILED)


async def _load(
    rate: float, seconds: float, path: str, body: bytes, gateway_port: int | None, tell: Callable[[str], None]
) -> Report:
    host, port = await gateway_address(gateway_port)
    try:
        load = Load(host, port, rate=rate, request=post(host, port, path, body))
    except ValueError as error:
        raise BadInput(str(error)) from error
    await reach(host, port)
    await load.start()
    began = monotonic()
    while (left := began + seconds - monotonic()) > 0:
        await asyncio.sleep(min(LOOK_EVERY, left))
        tell(f"{len(load.answers)} answers, {left:.0f} s to go")
    tell("waiting for the last answers")
    return await load.stop()


def show(report: Report) -> None:
    say(
        f"{report.requests} requests in {report.seconds:.1f} s, {report.failed} failed",
        "red" if report.failed else "green",
    )
    for kind, times in report.failures.items():
        say(f"  {times} x {kind}", "red")
    latency = (report.p50_ms, report.p90_ms, report.p99_ms, report.worst_ms)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("P50", "P90", "P99", "WORST"):
        table.add_column(heading, header_style="dim", justify="right")
    table.add_row(*(f"{ms:.1f} ms" if ms is not None else "-" for ms in latency))
    console().print(table)
    for name, answers in report.answered.items():
        say(f"{answers:>8}  {printable(name)}")
    if report.retried:
        say(f"{report.retried:>8}  took more than one attempt")
    if report.late_ms > LATE_MS:
        say(f"this machine was up to {report.late_ms:.0f} ms behind its own schedule", "yellow")
