"""What can be typed: which sections, which peers, how long."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Annotated

import typer

from benchmarks.cores import CannotMeasure
from benchmarks.outcome import document
from benchmarks.peers import PEERS
from benchmarks.perform import perform
from benchmarks.plan import SECTIONS, Plan, chosen, named
from benchmarks.tables import report
from mesh.terminal import console, emit, progress

QUICK = Plan(connections=(1, 32), rounds=1, seconds=1, share=0.01)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    sections: Annotated[str, typer.Option(help="Some of them, separated by commas.")] = ",".join(SECTIONS),
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
            sections=chosen(sections, SECTIONS),
            peers=named(peers),
            connections=tuple(map(int, connections.split(","))) if connections else usual.connections,
            rounds=rounds or usual.rounds,
            seconds=seconds or usual.seconds,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        with progress("preparing", quiet=as_json) as tell:
            outcome = asyncio.run(perform(plan, tell))
    except CannotMeasure as error:
        sys.exit(f"bench: {error}")
    emit(document(outcome)) if as_json else console().print(report(outcome))
    if strict and any(target.is_met is False for target in outcome.targets):
        raise typer.Exit(1)
