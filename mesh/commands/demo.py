"""`mesh demo`"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from discovery.settings import load
from mesh.commands.load import show
from mesh.commands.options import AsJson
from mesh.demo import DemoWish
from mesh.demo import demo as play
from mesh.exits import FAILED, INTERRUPTED
from mesh.outcome import Outcome
from mesh.runtime import runtime_directory
from mesh.settings import RuntimeSettings
from mesh.terminal import Telling, emit, our_name, printable, say

INSTANCES = 3


def demo(
    consul: Annotated[
        str, typer.Option(metavar="auto|binary|embedded|HOST:PORT", help="Which registry to use, or to start.")
    ] = "auto",
    rate: Annotated[float, typer.Option(min=1, max=20_000, help="Requests a second.")] = 200,
    seconds: Annotated[float, typer.Option(min=0, max=3600, help="How long the load lasts, at least.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Start a mesh of its own, kill an instance under load, bring it back, and show what a client saw.

    Runs beside anything, on free ports. Exits with 0 only if no request failed and the instance was found again.
    With --json the last line of standard output is an object with: requests, failed, registry (`embedded`, or
    `consul <version>`), ejected_ms (SIGKILL to out of the gateway's rotation), critical_ms (SIGKILL to critical in the
    registry), rediscovered_ms (port open to a client's first answer from it), each null if not reached, and answered
    (instances, each with the number of its answers).
    """
    outcome = _play(DemoWish(consul, INSTANCES, rate, seconds), as_json)
    if outcome is None:
        raise typer.Exit(INTERRUPTED)
    emit(outcome.as_json()) if as_json else summarize(outcome)
    if not outcome.is_success:
        raise typer.Exit(FAILED)


def _play(wish: DemoWish, as_json: bool) -> Outcome | None:
    """The logs are kept if they may be needed, and a NotReady names them."""
    runtime = runtime_directory(load(RuntimeSettings).runtime_dir)
    logs = Path(tempfile.mkdtemp(prefix="demo-", dir=runtime))
    try:
        with Telling(lines=not as_json) as telling:
            outcome = asyncio.run(play(wish, runtime, logs, Narrator(telling, as_json)))
    finally:
        if not any(logs.iterdir()):
            logs.rmdir()
    if outcome is None or outcome.is_success:
        shutil.rmtree(logs, ignore_errors=True)
    elif not as_json:
        say(f"the logs are in {logs}")
    return outcome


class Narrator:
    """A spinner for what is being done, and on standard output a line for what has been done, unless that is JSON."""

    def __init__(self, telling: Telling, as_json: bool) -> None:
        self._telling = telling
        self._as_json = as_json

    def step(self, text: str) -> None:
        self._telling.step(text)

    def done(self, text: str) -> None:
        if not self._as_json:
            self._telling.line(Text(printable(f"- {text}")))


def summarize(outcome: Outcome) -> None:
    say("")
    say("What a client saw:", "bold")
    show(outcome.report)
    say("")
    if outcome.is_success:
        say(f"{outcome.victim} was killed and found again, and nobody noticed.", "bold green")
    else:
        say(f"That did not go well: {outcome.report.failed} requests failed.", "bold red")
    say(f"Now play with a mesh of your own: {our_name()} up")
