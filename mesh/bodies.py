"""Where a request's body comes from: standard input, a file, or a prompt. Never an argument, which `ps` would show."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from mesh.errors import BadInput

PROMPTS = {"/encrypt": ("text", "key"), "/decrypt": ("message", "key")}
"""What is asked for on a terminal, by path."""

HIDDEN = frozenset({"key"})

MOST = 32 * 1024 * 1024
"""Bytes: the most that a gateway can be set to take."""


def body_for(path: str, data: str | None) -> bytes | None:
    """`data` is `-`, `@FILE` or None, which means a prompt where one is known, else no body. Raises BadInput."""
    if data is not None:
        return _read(data)
    if path not in PROMPTS:
        return None
    if not sys.stdin.isatty():
        return _read("-")
    fields = {name: typer.prompt(name, hide_input=name in HIDDEN, err=True) for name in PROMPTS[path]}
    return json.dumps(fields).encode()


def _read(data: str) -> bytes:
    if data == "-":
        body = sys.stdin.buffer.read(MOST + 1)
    elif data.startswith("@"):
        body = _read_file(Path(data[1:]))
    else:
        raise BadInput("--data takes - for standard input, or @FILE; what is typed here would show in process lists")
    if len(body) > MOST:
        raise BadInput(f"a body of more than {MOST} bytes is more than a gateway takes")
    return body


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
