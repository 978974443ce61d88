"""Log lines: for people on a terminal, JSON everywhere else, and never a raw line break or terminal code.

The library logs through `logging` with `extra=`; only a program that wants this form calls `configure`.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

QUIET = ("httpx2", "httpcore2", "asyncio", "uvicorn.access")


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (standard error), one line a record."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=_processors(stream.isatty())))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _processors(terminal: bool) -> list[Processor]:
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_internals,
        structlog.processors.format_exc_info,
    ]
    if terminal:
        plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        return [*shared, _printable, plain]
    return [*shared, structlog.processors.JSONRenderer()]


def _without_internals(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Drop structlog's own bookkeeping and uvicorn's coloured copy of each message."""
    for name in ("_record", "_from_structlog", "color_message"):
        event.pop(name, None)
    return event


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape whatever could move a terminal's cursor or forge a second line; those of a traceback are indented."""
    shown = {_escape(name): _escape(value) if isinstance(value, str) else value for name, value in event.items()}
    if "exception" in event:
        shown["exception"] = "\n".join("    " + _escape(line) for line in str(event["exception"]).splitlines())
    return shown


def _escape(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
