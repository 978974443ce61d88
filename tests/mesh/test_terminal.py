"""What others wrote cannot do anything to the terminal."""

from __future__ import annotations

import pytest

from mesh.terminal import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("encrypt-1", "encrypt-1"),
        ("grün", "grün"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\r", r"a\nb\r"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egnp", r"\u202egnp"),
        ("\x00\x07", r"\x00\x07"),
    ],
)
def test_only_what_is_printable_is_printed(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_line_breaks_may_be_kept() -> None:
    assert printable("a\nb\r\x1b", lines=True) == "a\nb\\r\\x1b"
