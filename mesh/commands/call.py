"""`mesh call`"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.text import Text

from mesh.bodies import body_for
from mesh.calling import Caller, Said
from mesh.commands.options import AsJson, GatewayPort
from mesh.exits import FAILED
from mesh.target import gateway_address
from mesh.terminal import console, emit, printable, progress


def call(
    path: Annotated[str, typer.Argument(help="As in http://gateway/PATH, with or without the first slash.")],
    data: Annotated[
        str | None, typer.Option(metavar="-|@FILE", help="The body: from standard input, or from a file.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="In HTTP.", show_default="POST with a body, else GET")] = None,
    times: Annotated[int, typer.Option(min=1, max=10_000, help="How often, one after the other.")] = 1,
    gateway_port: GatewayPort = None,
    as_json: AsJson = False,
) -> None:
    """Send a request through the gateway, and show who answered what.

    `mesh call encrypt` asks for text and key when it is given nothing: keys do not belong into a command line.
    Exits with 1 unless every answer is a success.
    """
    path = path if path.startswith("/") else f"/{path}"
    body = body_for(path, data)
    verb = (method or ("GET" if body is None else "POST")).upper()
    with progress(f"calling {path}", quiet=as_json):
        answers = asyncio.run(_call(verb, path, body, times, gateway_port))
    if as_json:
        emit({"answers": [answer.as_json() for answer in answers]})
    else:
        for answer in answers:
            _show(answer, brief=times > 1)
    if not all(answer.is_success for answer in answers):
        raise typer.Exit(FAILED)


async def _call(verb: str, path: str, body: bytes | None, times: int, gateway_port: int | None) -> list[Said]:
    async with Caller(*await gateway_address(gateway_port)) as caller:
        return [await caller.call(verb, path, body) for _ in range(times)]


def _show(answer: Said, *, brief: bool) -> None:
    attempts = f"after {answer.attempts} attempts, " if answer.attempts > 1 else ""
    head = Text.assemble(
        (str(answer.status), "green" if answer.is_success else "red"),
        f"  {printable(answer.served_by or 'the gateway itself')}",
        (f"  {attempts}{answer.ms:.1f} ms", "dim"),
    )
    console().print(head, soft_wrap=True)
    if not brief or not answer.is_success:
        console().print(Text(printable(_readable(answer.body), lines=True)), soft_wrap=True)


def _readable(body: str) -> str:
    """JSON indented, anything else as it came."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
