"""What a run found, for people."""

from __future__ import annotations

from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.outcome import NOISY, Outcome, Row, rows
from benchmarks.sample import BUSY
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
    for heading in ("CPU µs/request", "busy", "peak MiB", "failed"):
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
            _number(outcome.comparison.memory.get(row.gateway, 0) / MEBIBYTE, ".0f"),
            str(each.failed),
        )
    return table


def _targets(targets: list[Target]) -> Table:
    table = _table("", "wanted", "found", "")
    for each in targets:
        verdict = {True: Text("met", style="green"), False: Text("missed", style="red"), None: Text("-", style="dim")}
        sign = "≥" if each.at_least else "≤"
        table.add_row(
            each.name, f"{sign} {each.bound:g} {each.unit}", f"{_number(each.measured, '.2f')}", verdict[each.is_met]
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
