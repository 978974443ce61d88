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
from rich.status import Status
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


class Telling:
    """What is being done (a spinner), and what has happened (lines), without getting in each other's way.

    Where there is no terminal, a step is a line on standard error: in a log that somebody reads later it should be
    clear what was done, but not every number on the way.
    """

    def __init__(self, *, lines: bool = True) -> None:
        """Without `lines`, standard output is left to others."""
        self._out = console()
        self._screen = self._out if lines and self._out.is_terminal else console(stderr=True)
        self._spinner: Status | None = None
        self._said_at: dict[str, float] = {}

    def __enter__(self) -> Telling:
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def step(self, text: str) -> None:
        if not self._screen.is_terminal:
            self._say_once(text)
        elif self._spinner is None:
            self._spinner = self._screen.status(Text(printable(text)))
            self._spinner.start()
        else:
            self._spinner.update(Text(printable(text)))

    def line(self, text: Text) -> None:
        self._out.print(text, soft_wrap=True)

    def pause(self) -> None:
        """Nothing is being done until the next step."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def _say_once(self, text: str) -> None:
        but_for_numbers = re.sub(r"\d+", "0", text)
        if monotonic() - self._said_at.get(but_for_numbers, -QUIET) >= QUIET:
            self._said_at[but_for_numbers] = monotonic()
            self._screen.print(Text(printable(text)), soft_wrap=True)


@contextmanager
def progress(first: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Something that may take longer than a second; what is yielded changes the text. Results come after it."""
    if quiet:
        yield lambda _: None
        return
    with Telling(lines=False) as telling:
        telling.step(first)
        yield telling.step


def our_name() -> str:
    """What to type to run this program again."""
    ours = Path(sys.argv[0])
    on_path = shutil.which("mesh")
    if on_path is not None and ours.exists() and Path(on_path).samefile(ours):
        return "mesh"
    here = Path.cwd()
    return str(ours.relative_to(here)) if ours.is_absolute() and ours.is_relative_to(here) else str(ours)
