"""A log is cut under its writer, who goes on as if nothing had happened."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from mesh.logs import cut, keep_small
from tests.mesh.waiting import until


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "echo-1.log").write_bytes(b"x" * 100)
    cut(tmp_path / "echo-1.log", most=100)
    assert (tmp_path / "echo-1.log").read_bytes() == b"x" * 100
    assert not (tmp_path / "echo-1.log.1").exists()


def test_what_was_before_is_kept_and_the_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "echo-1.log"
    writer = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(writer, b"before " * 100)
        cut(log, most=100)
        os.write(writer, b"after")
    finally:
        os.close(writer)
    assert log.read_bytes() == b"after"
    assert (tmp_path / "echo-1.log.1").read_bytes() == b"before " * 100


async def test_it_is_done_again_and_again_and_never_to_what_was_cut_off(tmp_path: Path) -> None:
    log, cut_off = tmp_path / "echo-1.log", tmp_path / "echo-1.log.1"
    log.write_bytes(b"first" * 10)
    keeping = asyncio.create_task(keep_small(tmp_path, most=10, every=0.01))
    try:
        await until(lambda: cut_off.exists() and log.stat().st_size == 0)
        log.write_bytes(b"second" * 10)
        await until(lambda: cut_off.read_bytes() == b"second" * 10 and log.stat().st_size == 0)
    finally:
        keeping.cancel()
    assert not tmp_path.joinpath("echo-1.log.1.1").exists()
