"""A log line is one line, whatever it tells of, and can be read by people and by programs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery import logs

NASTY = "a\nb\r\nc\x1b[2J\x1b]0;title\x07\x00\u202e\u2028\x85d"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """The logging of this process is as it was afterwards."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


def written(stream: io.StringIO, message: str = "happened", /, *, level: str = "INFO", **extra: object) -> str:
    logs.configure(level, stream)
    logging.getLogger("test").info(message, extra=extra)
    return stream.getvalue()


def test_a_program_reads_json() -> None:
    said = json.loads(written(io.StringIO(), instance="web-1", milliseconds=7))
    assert {name: said[name] for name in ("event", "level", "logger", "instance", "milliseconds")} == {
        "event": "happened",
        "level": "info",
        "logger": "test",
        "instance": "web-1",
        "milliseconds": 7,
    }
    assert said["timestamp"].endswith("Z")


def test_people_read_words() -> None:
    line = written(Terminal(), instance="web-1")
    assert "happened" in line
    assert "web-1" in line


def is_one_clean_line(text: str) -> bool:
    line = text.removesuffix("\n")
    return text.endswith("\n") and line.isprintable()


@pytest.mark.parametrize(
    "extra",
    [
        {"instance": NASTY},
        {"detail": [NASTY]},
        {"detail": {"deep": {NASTY: NASTY}}},
        {"detail": ValueError(NASTY)},
        {"detail": NASTY.encode()},
        {NASTY: "x"},
    ],
)
def test_nothing_that_is_told_can_forge_a_line_or_move_a_cursor(extra: dict[str, object]) -> None:
    assert is_one_clean_line(written(io.StringIO(), "x", level="INFO", **extra))
    assert is_one_clean_line(without_colours(written(Terminal(), "x", level="INFO", **extra)))


def test_neither_can_the_message() -> None:
    assert is_one_clean_line(written(io.StringIO(), NASTY))
    assert is_one_clean_line(without_colours(written(Terminal(), NASTY)))


def without_colours(text: str) -> str:
    """Without those that the renderer itself puts around what it prints."""
    for number in range(110):
        text = text.replace(f"\x1b[{number}m", "")
    return text


@given(st.text())
def test_whatever_text_there_is(text: str) -> None:
    said = written(io.StringIO(), text, instance=text)
    assert is_one_clean_line(said)
    assert json.loads(said)["instance"] == text
    assert is_one_clean_line(without_colours(written(Terminal(), text, instance=text)))


def test_a_traceback_is_one_json_line() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    try:
        raise ValueError(NASTY)
    except ValueError:
        logging.getLogger("test").exception("broke")
    assert is_one_clean_line(stream.getvalue())
    assert "ValueError" in json.loads(stream.getvalue())["exception"]


def test_a_traceback_on_a_terminal_has_lines_of_its_own_and_no_codes_of_others() -> None:
    stream = Terminal()
    logs.configure(stream=stream)
    try:
        raise ValueError(NASTY)
    except ValueError:
        logging.getLogger("test").exception("broke")
    shown = without_colours(stream.getvalue())
    assert "ValueError" in shown
    first, *others = shown.removesuffix("\n").split("\n")
    assert first.isprintable()
    assert all(line.isprintable() and line.startswith("    ") for line in others)


def test_what_lies_below_the_level_is_not_written() -> None:
    assert written(io.StringIO(), level="warning") == ""


@pytest.mark.parametrize("name", logs.QUIET)
def test_libraries_that_tell_of_every_request_are_quiet(name: str) -> None:
    stream = io.StringIO()
    logs.configure("DEBUG", stream)
    logging.getLogger(name).info("GET /?key=secret")
    assert stream.getvalue() == ""


def test_the_coloured_copy_that_uvicorn_makes_is_dropped() -> None:
    assert "color_message" not in written(io.StringIO(), color_message="\x1b[36mx")


def test_configured_twice_it_writes_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.configure(stream=first)
    assert written(second).count("\n") == 1
    assert first.getvalue() == ""
