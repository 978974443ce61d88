from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.devagent.durations import LONGEST, parse


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1s", 1),
        ("90s", 90),
        ("1m30s", 90),
        ("1h1m1s1ms", 3661.001),
        (".5h", 1800),
        ("1.5s", 1.5),
        ("1.s", 1),
        ("5us", 5e-6),
        ("5µs", 5e-6),
        ("7ns", 7e-9),
        ("-1m", -60),
        ("+1m", 60),
        ("-0", 0),
    ],
)
def test_what_go_understands(text: str, seconds: float) -> None:
    assert parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid duration"),
        ("-", "invalid duration"),
        ("s", "invalid duration"),
        (".s", "invalid duration"),
        (" 1s", "invalid duration"),
        ("x1s", "invalid duration"),
        ("5", "missing unit in duration"),
        ("1m30", "missing unit in duration"),
        ("1x", 'unknown unit "x" in duration'),
        ("1 s", 'unknown unit " s" in duration'),
        ("1e3s", 'unknown unit "e" in duration'),
        ("1S", 'unknown unit "S" in duration'),
        ("٣s", "invalid duration"),
        ("3000000h", "invalid duration"),
        ("9" * 400 + "h", "invalid duration"),
    ],
)
def test_what_go_refuses(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"^time: ") as refused:
        parse(text)
    assert words in str(refused.value)


@given(st.text(alphabet="0123456789.hmsnuµ-+ e", max_size=30))
def test_whatever_comes_is_a_number_of_seconds_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert abs(parse(text)) < LONGEST


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59))
def test_parts_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds
