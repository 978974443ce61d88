"""What a caller knew is on disk, for its user alone, and a broken file is nothing."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from discovery.instance import Instance
from discovery.journal import Journal
from discovery.last_known import LastKnown
from discovery.pool import Pool
from discovery.watch import Snapshot

ONE = Instance("web-1", "web", "127.0.0.1", 9001, ("urlprefix-/web replay=safe",), {"boot_id": "b"}, weight=3)
TWO = Instance("web-2", "web", "127.0.0.1", 9002)


def pool_of(*instances: Instance) -> Pool:
    pool = Pool("web", journal=Journal(), clock=time.monotonic, random=Random(1))
    pool.apply(Snapshot(instances, False))
    return pool


async def test_what_was_noted_is_recalled_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "state" / "last-known.json"
    memory = LastKnown(path)
    memory.note(pool_of(ONE, TWO))
    await memory.aclose()
    assert LastKnown(path).recall() == {"web": (ONE, TWO)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


async def test_it_is_written_while_the_process_lives(tmp_path: Path) -> None:
    path = tmp_path / "last-known.json"
    memory = LastKnown(path, pause=0.0)
    memory.note(pool_of(ONE))
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert LastKnown(path).recall() == {"web": (ONE,)}
    await memory.aclose()


async def test_a_service_that_has_nobody_any_more_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "last-known.json"
    memory = LastKnown(path)
    memory.note(pool_of(ONE))
    memory.note(pool_of())
    await memory.aclose()
    assert LastKnown(path).recall() == {"web": (ONE,)}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 100_000,
        '{"form": 2, "instances": []}',
        '{"form": 1}',
        '{"form": 1, "instances": [{"id": "x"}]}',
        '{"form": 1, "instances": [{"id": "x", "service": 7, "address": "10.0.0.1", "port": 80}]}',
        '{"form": 1, "instances": [{"id": "x", "service": "web", "address": "10.0.0.1", "port": "http"}]}',
        '{"form": 1, "instances": [{"id": "x", "service": "web", "address": null, "port": 80}]}',
        '{"form": 1, "instances": [{"id": "x", "service": "web", "address": "a", "port": 80, "health": "well"}]}',
    ],
    ids=lambda content: content[:40],
)
def test_a_broken_file_is_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "last-known.json"
    path.write_text(content)
    assert LastKnown(path).recall() == {}


async def test_what_changes_while_it_is_written_is_written_too(tmp_path: Path) -> None:
    """The file is written in a thread of its own, while the loop goes on."""
    path = tmp_path / "last-known.json"
    memory = LastKnown(path, pause=0.0)
    many = [replace(ONE, id=f"web-{n}", meta={"note": "x" * 100}) for n in range(20)]
    for number in range(100):
        pool = Pool(f"web-{number}", journal=Journal(), clock=time.monotonic, random=Random(1))
        pool.apply(Snapshot(tuple(replace(each, service=f"web-{number}") for each in many), False))
        memory.note(pool)
        await asyncio.sleep(0.001)
    async with asyncio.timeout(30):
        while len(LastKnown(path).recall()) < 100:
            await asyncio.sleep(0.1)
    await memory.aclose()


def test_no_file_is_nothing(tmp_path: Path) -> None:
    assert LastKnown(tmp_path / "none").recall() == {}


async def test_a_place_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = LastKnown(tmp_path / "file" / "last-known.json")
    memory.note(pool_of(ONE))
    await memory.aclose()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond that: to a writer it is as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "last-known.json"
    memory = LastKnown(path, pause=0.0)
    memory.note(pool_of(ONE))
    await memory.aclose()
    with full_disk(100):
        for number in range(3):
            full = LastKnown(path, pause=0.0)
            full.note(pool_of(replace(ONE, port=9100 + number), TWO))
            await full.aclose()
    assert list(path.parent.iterdir()) == [path]
    assert LastKnown(path).recall() == {"web": (ONE,)}


async def test_a_place_that_cannot_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "last-known.json"
    path.mkdir()
    memory = LastKnown(path, pause=0.0)
    memory.note(pool_of(ONE))
    await memory.aclose()
    assert list(path.parent.iterdir()) == [path]


async def test_the_form_is_plain(tmp_path: Path) -> None:
    memory = LastKnown(tmp_path / "last-known.json")
    memory.note(pool_of(TWO))
    await memory.aclose()
    document = json.loads((tmp_path / "last-known.json").read_text())
    assert [each["id"] for each in document["instances"]] == ["web-2"]
