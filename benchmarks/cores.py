"""Which core does what: the gateway alone on one, the load and the upstream on another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class CannotMeasure(Exception):
    """This machine lacks something without which no number would mean anything."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Numbers of two different cores."""

    gateway: int
    load: int


def two_cores() -> Cores:
    """Two of those that we may use, however many there are. Raises CannotMeasure."""
    if not hasattr(os, "sched_getaffinity") or shutil.which("taskset") is None:
        raise CannotMeasure("programs are pinned to cores with taskset, which is Linux's (package util-linux)")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise CannotMeasure("two cores are needed: one for the gateway, one for the load and the upstream")
    return Cores(gateway=allowed[-1], load=allowed[0])


def pinned(argv: list[str], core: int) -> tuple[str, ...]:
    return ("taskset", "--cpu-list", str(core), *argv)


@contextmanager
def staying_on(core: int) -> Iterator[None]:
    """Keep this process itself on a core, off the one where gateways are measured."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
