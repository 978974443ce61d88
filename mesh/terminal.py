"""How anything reaches the screen: results on standard output, progress and errors on standard error.

What others wrote (a registry, a service) is shown without anything that could move the cursor or look like markup.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.text import Text

WIDE = 200
"""Columns where there is no terminal: a table is then read by a program, or later."""

QUIET = 5.0
"""Seconds between two lines that differ by nothing but numbers."""


def console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else WIDE)


def say(text: str, style: str = "") -> None:
    console().print(Text(printable(text), style=style), soft_wrap=True)


def say_error(text: str) -> None:
    console(stderr=True).print(Text("mesh: ", style="bold red") + Text(printable(text)), soft_wrap=True)


def emit(document: Any) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(document, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def printable(text: str, *, lines: bool = False) -> str:
    """Escape what is not printable; line breaks too, unless `lines`."""
    keep = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def progress(first: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A spinner with a text that can be changed; where there is no terminal, a line from time to time."""
    if quiet:
        yield lambda _: None
        return
    screen = console(stderr=True)
    if screen.is_terminal:
        with screen.status(Text(first)) as status:
            yield lambda text: status.update(Text(printable(text)))
        return
    yield _lines(screen, first)


def _lines(screen: Console, first: str) -> Callable[[str], None]:
    """For a log that somebody reads later: what is done, but no number that changes twice a second."""
    said_at: dict[str, float] = {}

    def tell(text: str) -> None:
        kind = re.sub(r"\d+", "0", text)
        if monotonic() - said_at.get(kind, -QUIET) >= QUIET:
            said_at[kind] = monotonic()
            screen.print(Text(printable(text)), soft_wrap=True)

    tell(first)
    return tell


def our_name() -> str:
    """What to type to run this program again."""
    ours = Path(sys.argv[0])
    on_path = shutil.which("mesh")
    if on_path is not None and ours.exists() and Path(on_path).samefile(ours):
        return "mesh"
    here = Path.cwd()
    return str(ours.relative_to(here)) if ours.is_absolute() and ours.is_relative_to(here) else str(ours)
