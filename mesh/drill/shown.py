"""What people are shown of a drill: what was done, what a client saw, the steps, and what the gateway held."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from mesh.drill.growth import Growth
from mesh.drill.outcome import Outcome
from mesh.drill.series import Held
from mesh.report import Report
from mesh.terminal import console, printable, say

WIDE = 100
"""Columns of text that an eye can follow."""


def show(held: Held) -> None:
    """A drill: what was done, what a client saw, the steps, and the faults."""
    say("")
    times = f", {held.outcome.times} times in a row" if held.outcome and held.outcome.times > 1 else ""
    what = f"  {held.drill.what}{times}"
    console().print(Text.assemble((held.drill.name, "bold"), what, (f"  {held.registry}", "dim")))
    if held.not_held:
        say(f"not held: {held.not_held}", "yellow")
    if held.outcome:
        console().print(latencies(held.outcome))
        console().print(Text(steps(held.outcome), style="dim"), width=WIDE)
        console().print(Text(holdings(held.outcome.growth), style="dim"), width=WIDE)
    for fault in held.faults:
        say(f"! {printable(fault)}", "red")


def latencies(outcome: Outcome) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "REQUESTS", "FAILED", "P50", "P99", "WORST"):
        table.add_column(heading, header_style="dim", justify="right" if heading else "left")
    failed = f"{outcome.failed}" + (f" (and {outcome.excused} that had to)" if outcome.excused else "")
    table.add_row("from the hurt on", *_cells(outcome.hurt, failed), style="red" if outcome.failed else "")
    table.add_row("before, in calm", *_cells(outcome.calm, str(outcome.calm.failed)))
    return table


def steps(outcome: Outcome) -> str:
    """The time line in the order in which the steps came, without those that were not reached; and what follows."""
    reached = [(at, name) for name, at in outcome.timeline.as_json().items() if at is not None]
    line = [f"{name.replace('_', ' ')} {_time(at)}" for at, name in sorted(reached)]
    more = [
        f"{what} {_time(value)}"
        for what, value in (
            ("open port to first answer", outcome.rediscovered_ms),
            ("let go or healed to first answer", outcome.returned_ms),
            ("registry's first answer to all registered", outcome.registered_ms),
        )
        if value is not None
    ]
    if outcome.load is not None:
        more.append(f"{outcome.load:.2f} times the load reached the instances")
    return "\n".join(filter(None, (" > ".join(line), ", ".join(more))))


def holdings(growth: Growth) -> str:
    """What the gateway held at rest, before and after."""
    before, after = growth.before, growth.after
    said = [
        f"{after.in_flight} requests in flight",
        f"{after.clients} clients",
        f"{before.tasks} > {after.tasks} tasks",
        f"{before.descriptors} > {after.descriptors} file descriptors",
    ]
    if growth.warm:
        said += [f"{before.idle} > {after.idle} connections to instances"]
        said += [f"{before.memory / 1e6:.1f} > {after.memory / 1e6:.1f} MB"]
    return f"the gateway at rest: {', '.join(said)}"


def conclude(held: Sequence[Held]) -> None:
    say("")
    failed = [one.drill.name for one in held if one.faults]
    if failed:
        say(f"{len(failed)} of {len(held)} drills failed: {', '.join(failed)}", "bold red")
    else:
        say(f"{sum(one.outcome is not None for one in held)} drills held, and nobody noticed.", "bold green")


def _cells(report: Report, failed: str) -> tuple[str, ...]:
    return (str(report.requests), failed, _ms(report.p50_ms), _ms(report.p99_ms), _ms(report.worst_ms))


def _ms(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.1f} ms"


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s" if abs(milliseconds) >= 1000 else f"{milliseconds:.0f} ms"
