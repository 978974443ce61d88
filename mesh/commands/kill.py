"""`mesh kill`"""

from __future__ import annotations

import asyncio
import signal as signals
from enum import StrEnum
from typing import Annotated

import typer

from mesh.commands.options import AsJson, FromRegistry, GatewayPort
from mesh.program import checked_id
from mesh.target import registry_of, running_mesh_if_any
from mesh.terminal import emit, our_name, say
from mesh.victim import Signalled, signal_instance


class Signal(StrEnum):
    """Those that end a process one way or another, and the two that hold and wake it."""

    KILL = "KILL"
    TERM = "TERM"
    INT = "INT"
    HUP = "HUP"
    QUIT = "QUIT"
    ABRT = "ABRT"
    STOP = "STOP"
    CONT = "CONT"


def kill(
    instance: Annotated[str, typer.Argument(metavar="ID", help="Its ID, as mesh ps shows it.")],
    signal: Annotated[Signal, typer.Option(case_sensitive=False, help="What to send it.")] = Signal.KILL,
    gateway_port: GatewayPort = None,
    consul: FromRegistry = None,
    as_json: AsJson = False,
) -> None:
    """Send an instance a signal. One of the mesh's own stays down then, until `mesh restart ID`.

    STOP holds it where it is, CONT wakes it again, and a restart replaces it. An instance that others started is found
    in the registry, and is only signalled if the process with that ID is still the one that registered.
    """
    done = asyncio.run(_kill(checked_id(instance), signals.Signals[f"SIG{signal.value}"], gateway_port, consul))
    if as_json:
        emit(done.as_json())
    elif done.pid is None:
        say(f"{done.id} does not run; it stays down until {our_name()} restart {done.id}")
    else:
        say(f"{done.id}: sent {done.signal} to process {done.pid}{_what_now(done)}")


async def _kill(instance: str, number: signals.Signals, gateway_port: int | None, consul: str | None) -> Signalled:
    mesh = await running_mesh_if_any(gateway_port) if consul is None else None
    return await signal_instance(instance, number, mesh, registry_of(mesh, consul))


def _what_now(done: Signalled) -> str:
    if done.signal == "SIGCONT":
        return ""
    if done.signal == "SIGSTOP":
        return f"; {our_name()} kill {done.id} --signal CONT wakes it"
    return f"; {our_name()} restart {done.id} brings it back" if done.ours else ""
