"""What a program has cost so far: time on the processor and memory, its child processes included."""

from __future__ import annotations

from pathlib import Path

import psutil


def _tree(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def processor_seconds(pid: int) -> float:
    """User and system time; the kernel counts it in ticks of 10 ms."""
    times = [process.cpu_times() for process in _tree(pid)]
    return float(sum(each.user + each.system for each in times))


def peak_memory(pid: int) -> int:
    """Bytes resident at most since each process began (Linux's VmHWM); pages that several share count for each."""
    return sum(_high_water_mark(process.pid) for process in _tree(pid))


def _high_water_mark(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
