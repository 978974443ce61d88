"""`mesh up`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from discovery.instance import authority
from mesh.choice import CONSUL_PORT
from mesh.commands.options import AsJson
from mesh.detached import start_detached
from mesh.fleet import MOST
from mesh.keeper import Event
from mesh.status import Status
from mesh.terminal import Telling, console, emit, our_name, printable, progress
from mesh.up import Wish
from mesh.up import up as start

STYLES = {"started": "green", "restarted": "green", "ended": "yellow", "failed": "red"}


def up(
    consul: Annotated[
        str, typer.Option(metavar="auto|binary|embedded|HOST:PORT", help="Which registry to use, or to start.")
    ] = "auto",
    encrypt: Annotated[int, typer.Option(min=0, max=MOST, help="Instances of the encrypt service.")] = 3,
    gateway_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where callers come in.", show_default="GATEWAY_PORT, or 8080")
    ] = None,
    gateways: Annotated[
        int, typer.Option(min=1, max=MOST, help="How many gateways share that port: one for each core, say.")
    ] = 1,
    consul_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Where a registry of our own listens.")
    ] = CONSUL_PORT,
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is ready, and leave it running.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a registry, gateways and services, and keep them running until Ctrl-C.

    With `--consul auto`: CONSUL_HTTP_ADDR if it is set, else an agent that answers on this machine, else a consul
    binary on PATH, else the embedded registry. A second Ctrl-C ends everything without waiting.
    """
    wish = Wish(consul, consul_port, encrypt, gateway_port, gateways)
    if detach:
        with progress("starting", quiet=as_json) as tell:
            status = start_detached(wish, tell)
        JsonLines().ready(status) if as_json else show(status)
    elif as_json:
        start(wish, JsonLines())
    else:
        with Telling() as telling:
            start(wish, Screen(telling))


class JsonLines:
    """A line when the mesh is ready, and one for each event, before and after."""

    def step(self, text: str) -> None:
        pass

    def ready(self, status: Status) -> None:
        emit({"ready": status.as_json()})

    def happened(self, event: Event) -> None:
        emit({**asdict(event), "at": event.at.isoformat(timespec="milliseconds")})


class Screen:
    """A spinner until it is ready, a panel then, and a line for each event."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling

    def step(self, text: str) -> None:
        self._telling.step(text)

    def ready(self, status: Status) -> None:
        self._telling.pause()
        show(status)

    def happened(self, event: Event) -> None:
        when = event.at.astimezone().strftime("%H:%M:%S")
        self._telling.line(
            Text.assemble(
                (f"{when} ", "dim"),
                f"{event.instance} ",
                (event.kind, STYLES[event.kind]),
                f"  {printable(event.detail)}",
            )
        )


def show(status: Status) -> None:
    """The panel that says where everything is, and what to try."""
    me = our_name()
    places = Table.grid(padding=(0, 2))
    places.add_row("Gateway", Text(status.gateway_url, style="bold"))
    for label, url in statuses(status):
        places.add_row(label, url)
    places.add_row("Registry", Text.assemble(status.ui_url, (f"  {status.registry_is}", "dim")))
    places.add_row("Logs", status.logs)
    tries = Table.grid(padding=(0, 2))
    victim = next((one.id for one in status.instances if one.service == "encrypt"), "gateway-1")
    tries.add_row(Text(f"{me} call encrypt", style="bold"), "ask it to encrypt something")
    tries.add_row(Text(f"{me} kill {victim}", style="bold"), f"then {me} restart {victim} brings it back")
    tries.add_row(Text(f"{me} ps --watch", style="bold"), "see who is there, and who is used")
    everything = Table.grid()
    for part in (places, "", instances(status), "", tries):
        everything.add_row(part)
    console().print(Panel(everything, title="The mesh is up", border_style="green", expand=False))


def statuses(status: Status) -> list[tuple[str, str]]:
    """Where to see how the gateways are, each with a label."""
    found = [
        (f"Status of {one.id}", f"http://{authority(status.admin_host, one.admin_port)}")
        for one in status.instances
        if one.admin_port is not None
    ]
    return found if len(found) > 1 else [("Its status", status.admin_url)]


def instances(status: Status) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("INSTANCE", "PORT", "PROCESS"):
        table.add_column(heading, header_style="dim")
    for one in status.instances:
        table.add_row(one.id, str(one.port), str(one.pid or one.state))
    return table
