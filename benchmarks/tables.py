"""What a run found, for people."""

from __future__ import annotations

from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.outcome import NOISY, Outcome, Row, rows
from benchmarks.sample import BUSY
from benchmarks.scale import Scale
from benchmarks.soak.run import Soak
from benchmarks.targets import Target
from benchmarks.workload import MEBIBYTE


def report(outcome: Outcome) -> RenderableType:
    parts: list[RenderableType] = [_machine(outcome)]
    found = list(rows(outcome.comparison))
    for cell, group in groupby(found, key=lambda row: row.cell):
        parts += [
            Text(f"\n{cell.workload.name}, connections: {cell.connections}", style="bold"),
            _cell(outcome, [*group]),
        ]
    if any(row.sample.busy < BUSY for row in found):
        parts.append(Text("≥: its core was not busy; load, upstream or other programs held it up", style="dim"))
    if outcome.scale:
        parts += [Text("\n100 services of 100 instances", style="bold"), _scale(outcome.scale)]
    if outcome.soak:
        parts += [Text("\nsoak", style="bold"), _storms(outcome.soak), _leftovers(outcome.soak)]
    parts += [Text("\ntargets", style="bold"), _targets(outcome.targets)]
    if outcome.foreign > NOISY:
        warning = f"other programs took up to {outcome.foreign:.0%} of the gateway's core: trust the CPU column only"
        parts.append(Text(warning, style="yellow"))
    return Group(*parts)


def _machine(outcome: Outcome) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    machine = outcome.machine
    about = f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB, {machine.system}"
    table.add_row(Text("machine", style="dim"), Text(about))
    for name, version in outcome.versions.items():
        table.add_row(Text(name, style="dim"), Text(version))
    for name, why in outcome.missing.items():
        table.add_row(Text(name, style="dim"), Text(f"missing: {why}", style="yellow"))
    return table


def _cell(outcome: Outcome, group: list[Row]) -> Table:
    large = max(group[0].cell.workload.sends, group[0].cell.workload.receives) >= MEBIBYTE
    table = _table("", *(("MiB/s",) if large else ("requests/s",)), "of ours", "p50 ms", "p99 ms", "added ms")
    for heading in ("CPU µs/request", "busy", "peak MB", "failed"):
        table.add_column(heading, header_style="dim", justify="right")
    for row in group:
        each = row.sample
        table.add_row(
            row.gateway,
            ("≥" if each.busy < BUSY else "") + f"{each.requests_per_second:,.0f}",
            _number(row.times, ".2f"),
            f"{each.p50_ms:.3f}",
            f"{each.p99_ms:.2f}",
            _number(row.added_ms, ".3f"),
            f"{each.processor_us:,.0f}",
            f"{each.busy:.0%}",
            _number(outcome.comparison.memory.get(row.gateway, 0) / 1e6, ".0f"),
            str(each.failed),
        )
    return table


def _scale(found: Scale) -> Table:
    table = _table("", "")
    table.add_row("choosing among 1,000", f"{found.choose_us:.2f} µs")
    table.add_row("the same, half of them ejected", f"{found.choose_half_ejected_us:.1f} µs")
    table.add_row("knowing all of them", f"{found.memory_mib:.1f} MiB")
    table.add_row("one change blocks the loop, median", f"{found.change_ms:.2f} ms")
    table.add_row("worst", f"{found.change_worst_ms:.2f} ms")
    return table


def _storms(found: Soak) -> Table:
    table = _table("", "answered", "mismatched", "failed", "given up", "vanished")
    for name, tally in (("two storms", found.storms), ("uploads of 1 MiB", found.uploads)):
        numbers = (tally.answered, tally.mismatched, tally.failures.total(), tally.cancelled, tally.vanished)
        table.add_row(name, *(f"{each:,}" for each in numbers))
        for kind, times in tally.failures.items():
            table.add_row(f"  {times} x {kind}", style="red")
    return table


def _leftovers(found: Soak) -> Table:
    table = _table("the gateway afterwards", "clients", "to instances", "descriptors", "in flight", "tasks", "MB")
    for name, each in (("before", found.idle), ("storm 1", found.first), ("storm 2", found.second)):
        numbers = (each.clients, each.upstreams, each.descriptors, each.in_flight, each.tasks)
        table.add_row(name, *(_number(one, "d") for one in numbers), f"{each.resident_mb:.1f}")
    table.add_row(
        f"at its peak, beside a client that had read {found.slow_read} bytes", *[""] * 5, f"{found.peak_mb:.1f}"
    )
    return table


def _targets(targets: list[Target]) -> Table:
    table = _table("", "wanted", "found", "")
    for each in targets:
        verdict = {True: Text("met", style="green"), False: Text("missed", style="red"), None: Text("-", style="dim")}
        sign = "≥" if each.at_least else "≤"
        table.add_row(
            each.name, f"{sign} {each.bound:g} {each.unit}", _number(each.measured, ",.2f"), verdict[each.is_met]
        )
    return table


def _table(first: str, *headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(first)
    for heading in headings:
        table.add_column(heading, header_style="dim", justify="right")
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
