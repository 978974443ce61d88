"""Logs that do not fill the disk, though nobody reopens them: their writers append, so they can be cut under them."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

MOST = 4 * 1024 * 1024
"""Bytes; twice that for each instance, with what came before. The directory may be in memory."""

LOOK_EVERY = 5.0


async def keep_small(directory: Path, *, most: int = MOST, every: float = LOOK_EVERY) -> None:
    """For ever. A line that is written between copying and cutting may be lost."""
    while True:
        await asyncio.sleep(every)
        cut_all(directory, most)


def cut_all(directory: Path, most: int) -> None:
    for log in directory.glob("*.log"):
        with suppress(OSError):  # a full disk, say: then the next look may succeed
            cut(log, most)


def cut(log: Path, most: int) -> None:
    """Move everything to `<log>.1` once it is more than `most` bytes. Raises OSError."""
    if log.stat().st_size > most:
        shutil.copy(log, log.with_name(f"{log.name}.1"), follow_symlinks=False)
        with log.open("r+b") as file:
            file.truncate()
