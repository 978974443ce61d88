"""What a run found, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.comparison import Comparison
from benchmarks.outcome import NOISY, Outcome, Row, rows
from benchmarks.scale import Scale
from benchmarks.soak.run import Soak
from benchmarks.targets import OURS, Target
from benchmarks.workload import MEBIBYTE


def report(outcome: Outcome) -> RenderableType:
    return Group(*_parts(outcome))


def _parts(outcome: Outcome) -> Iterator[RenderableType]:
    yield _machine(outcome)
    found = list(rows(outcome.comparison))
    for cell, group in groupby(found, key=lambda row: row.cell):
        yield _title(f"{cell.workload.name}, connections: {cell.connections}")
        yield _cell([*group])
    if any(row.is_held_up for row in found):
        yield Text("≥: its core was not busy; the load, the upstream or other programs held it up", style="dim")
    if outcome.comparison.memory:
        yield _title("peak memory over all of this")
        yield _memory(outcome.comparison)
    if outcome.scale:
        yield _title("100 services of 100 instances")
        yield _scale(outcome.scale)
    if outcome.soak:
        yield _title("soak")
        yield _storms(outcome.soak)
        yield _leftovers(outcome.soak)
    yield _title("targets")
    yield _targets(outcome.targets)
    if outcome.foreign > NOISY:
        share = f"{outcome.foreign:.0%}"
        yield Text(f"\nother programs took up to {share} of the gateway's core: trust the CPU column only", "yellow")


def _machine(outcome: Outcome) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    machine = outcome.machine
    about = f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB, {machine.system}"
    table.add_row(Text("machine", "dim"), Text(about))
    table.add_row(Text("Python", "dim"), Text(machine.python))
    for name, version in outcome.versions.items():
        table.add_row(Text(name, "dim"), Text(version))
    for name, why in outcome.missing.items():
        table.add_row(Text(name, "dim"), Text(f"missing: {why}", "yellow"))
    return table


def _cell(group: Sequence[Row]) -> Table:
    workload = group[0].cell.workload
    rate = "MiB/s" if max(workload.sends, workload.receives) >= MEBIBYTE else "requests/s"
    table = _table("", rate, "of ours", "p50 ms", "p99 ms", "added ms", "CPU µs/request", "busy", "failed")
    for row in group:
        each = row.sample
        table.add_row(
            row.gateway,
            ("≥" if row.is_held_up else "") + f"{each.requests_per_second:,.0f}",
            _number(row.times, ".2f"),
            f"{each.p50_ms:.3f}",
            f"{each.p99_ms:.2f}",
            _number(row.added_ms, ".3f"),
            f"{each.processor_us:,.0f}",
            f"{each.busy:.0%}",
            Text(f"{each.failed:,}", "red" if each.failed else ""),
        )
    return table


def _memory(comparison: Comparison) -> Table:
    table = _table("", "MB", "of ours")
    ours = comparison.memory.get(OURS)
    for name, peak in comparison.memory.items():
        table.add_row(name, f"{peak / 1e6:.0f}", _number(peak / ours if ours else None, ".2f"))
    return table


def _scale(found: Scale) -> Table:
    table = _table("", "")
    table.show_header = False
    table.add_row("choosing among 1,000", f"{found.choose_us:.2f} µs")
    table.add_row("choosing while half of them are ejected", f"{found.choose_half_ejected_us:.1f} µs")
    table.add_row("knowing all of them", f"{found.memory_mb:.1f} MB")
    table.add_row("one change blocks the loop, median", f"{found.change_ms:.2f} ms")
    table.add_row("one change blocks the loop, worst", f"{found.change_worst_ms:.2f} ms")
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
    table = _table("what the gateway holds", "clients", "to instances", "descriptors", "in flight", "tasks", "MB")
    for name, each in (("before", found.idle), ("after storm 1", found.first), ("after storm 2", found.second)):
        numbers = (each.clients, each.upstreams, each.descriptors, each.in_flight, each.tasks)
        table.add_row(name, *(_number(one, "d") for one in numbers), f"{each.resident_mb:.1f}")
    beside = f"peak, uploads beside a client that read {found.slow_read} bytes"
    table.add_row(beside, *[""] * 5, f"{found.peak_mb:.1f}")
    return table


def _targets(targets: Sequence[Target]) -> Table:
    table = _table("", "wanted", "found", "")
    verdicts = {True: Text("met", "green"), False: Text("missed", "red"), None: Text("not measured", "yellow")}
    for each in targets:
        wanted = f"{'≥' if each.at_least else '≤'} {each.bound:g} {each.unit}"
        table.add_row(each.name, wanted, _number(each.measured, ",.2f"), verdicts[each.is_met])
    return table


def _title(text: str) -> Text:
    return Text(f"\n{text}", "bold")


def _table(first: str, *headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(first, header_style="dim")
    for heading in headings:
        table.add_column(heading, header_style="dim", justify="right")
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
