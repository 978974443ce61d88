"""What can be typed: which sections, which peers, how long."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Annotated

import typer
import uvloop

from benchmarks.cores import CannotMeasure
from benchmarks.outcome import document
from benchmarks.peers import PEERS
from benchmarks.perform import perform
from benchmarks.plan import QUICK, SECTIONS, Plan, chosen, counts, named
from benchmarks.tables import report
from mesh.terminal import console, emit, progress

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    sections: Annotated[
        str | None, typer.Option(help=f"Some of {', '.join(SECTIONS)}, separated by commas.", show_default="all")
    ] = None,
    peers: Annotated[str, typer.Option(help="Some of them, separated by commas.")] = ",".join(p.name for p in PEERS),
    connections: Annotated[str | None, typer.Option(help="Numbers, separated by commas.  [default: 1,32,256]")] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, max=100, help="Of which medians are taken.  [default: 3]")
    ] = None,
    seconds: Annotated[int | None, typer.Option(min=1, max=600, help="Of each run.  [default: 5]")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only to see that it works: under a minute.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a target is missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")] = False,
) -> None:
    """Our gateway beside others, on the same work in the same run, each on one core."""
    usual = QUICK if quick else Plan()
    try:
        plan = replace(
            usual,
            sections=chosen(sections, SECTIONS) if sections else usual.sections,
            peers=named(peers),
            connections=counts(connections) if connections else usual.connections,
            rounds=rounds or usual.rounds,
            seconds=seconds or usual.seconds,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        turning = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        with progress("preparing", quiet=as_json) as tell, turning as runner:
            outcome = runner.run(perform(plan, tell))
    except CannotMeasure as error:
        sys.exit(f"bench: {error}")
    emit(document(outcome)) if as_json else console().print(report(outcome))
    if strict and any(target.is_met is False for target in outcome.targets):
        raise typer.Exit(1)
