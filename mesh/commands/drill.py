"""`mesh drill`"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from discovery.settings import load
from mesh.commands.options import AsJson
from mesh.drill.catalogue import DRILLS, chosen
from mesh.drill.drill import Pace
from mesh.drill.series import DrillWish, Held, Series
from mesh.drill.shown import conclude, show
from mesh.exits import FAILED, INTERRUPTED
from mesh.runtime import runtime_directory
from mesh.settings import RuntimeSettings
from mesh.terminal import Telling, emit, say


def drill(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...|all]", help=", ".join(each.name for each in DRILLS))
    ] = None,
    consul: Annotated[
        str, typer.Option(metavar="auto|binary|embedded|HOST:PORT", help="Which registry to use, or to start.")
    ] = "auto",
    rate: Annotated[float, typer.Option(min=1, max=20_000, help="Requests a second.")] = 200,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="How long what is hurt stays so.")] = 5,
    times: Annotated[int, typer.Option(min=1, max=10_000, help="How often in a row, in one mesh.")] = 1,
    strict: Annotated[
        bool, typer.Option("--strict", help="Judge times too: for a machine with nothing to do.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hurt a mesh under load, on purpose, and show what a client sees of it and how long each step takes.

    Each drill starts a mesh of its own, on free ports. Exits with 0 only if nothing went wrong in any of them: no
    request failed that did not have to, no more load than allowed reached the instances, and the gateway then held no
    more requests in flight, connections, file descriptors and tasks than before; and with --strict, if nothing took
    longer than it may.

    With --times, each time another instance is hurt. From 10 on, a tenth as many more are a rehearsal, after which the
    gateway is looked at before the others: so its memory, and its connections to instances, are compared too.

    With --json the last line of standard output is an object with `passed` and `drills`: each with latencies from the
    hurt on (p50_ms, p99_ms, worst_ms), the same of a `calm` stretch before it, and a `timeline` in milliseconds from
    the hurt on, null for what was not reached.
    """
    held = _hold(DrillWish(consul, chosen(names or ["all"]), Pace(rate, seconds, times), strict), as_json)
    if held is None:
        raise typer.Exit(INTERRUPTED)
    passed = not any(one.faults for one in held)
    if as_json:
        emit({"passed": passed, "rate": rate, "strict": strict, "drills": [one.as_json() for one in held]})
    else:
        conclude(held)
    if not passed:
        raise typer.Exit(FAILED)


def _hold(wish: DrillWish, as_json: bool) -> Sequence[Held] | None:
    """None when it was interrupted. The logs are kept if they may be needed."""
    runtime = runtime_directory(load(RuntimeSettings).runtime_dir)
    logs = Path(tempfile.mkdtemp(prefix="drill-", dir=runtime))
    with Telling(lines=not as_json) as telling:
        series = Series(wish, runtime, logs, Narrator(telling, as_json))
        try:
            is_done = asyncio.run(series.run())
        finally:
            if not any(one.faults for one in series.held):
                shutil.rmtree(logs, ignore_errors=True)
    if logs.exists() and not as_json:
        say(f"the logs are in {logs}")
    return series.held if is_done else None


class Narrator:
    """A spinner for what is being done, and what came of each drill at once, unless standard output is for JSON."""

    def __init__(self, telling: Telling, as_json: bool) -> None:
        self._telling = telling
        self._as_json = as_json

    def step(self, text: str) -> None:
        self._telling.step(text)

    def held(self, held: Held) -> None:
        if not self._as_json:
            self._telling.pause()
            show(held)
