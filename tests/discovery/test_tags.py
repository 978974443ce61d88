"""Tags become routes, or say why not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import RouteError
from discovery.tags import Route, is_route, route

SEGMENTS = st.lists(st.text("abcXYZ019-_~", min_size=1, max_size=8), min_size=1, max_size=4)
PATHS = SEGMENTS.map(lambda segments: "/" + "/".join(segments))


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("urlprefix-/", Route("/")),
        ("urlprefix-/encrypt", Route("/encrypt")),
        ("urlprefix-/encrypt/", Route("/encrypt")),
        ("urlprefix-/a/b replay=safe", Route("/a/b", replay_safe=True)),
        ("urlprefix-/a/b strip=/a", Route("/a/b", strip="/a")),
        ("urlprefix-/a strip=/a/", Route("/a", strip="/a")),
        ("urlprefix-/a timeout=30s", Route("/a", timeout=30.0)),
        ("urlprefix-/a timeout=1m30s", Route("/a", timeout=90.0)),
        ("urlprefix-/a timeout=1.5s", Route("/a", timeout=1.5)),
        ("urlprefix-/a  timeout=250ms   replay=safe", Route("/a", replay_safe=True, timeout=0.25)),
        ("urlprefix-/.well-known", Route("/.well-known")),
        ("urlprefix-/a...b", Route("/a...b")),
    ],
)
def test_what_a_tag_asks_for(tag: str, expected: Route) -> None:
    assert route(tag) == expected


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("urlprefix-", "host"),
        ("urlprefix-example.com/", "host"),
        ("urlprefix-:1234", "host"),
        ("urlprefix-/a//b", "not a plain path"),
        ("urlprefix-/../b", "not a plain path"),
        ("urlprefix-/a/..", "not a plain path"),
        ("urlprefix-/a/./b", "not a plain path"),
        ("urlprefix-/a%2fb", "not a plain path"),
        ("urlprefix-/a?b", "not a plain path"),
        ("urlprefix-/a\x1b[2J", "not a plain path"),
        ("urlprefix-/ü", "not a plain path"),
        ("urlprefix-/a opts", "unknown option 'opts'"),
        ("urlprefix-/a proto=tcp", "unknown option 'proto'"),
        ("urlprefix-/a replay=always", "replay can only be safe"),
        ("urlprefix-/a replay=safe replay=safe", "given twice"),
        ("urlprefix-/a timeout=1s timeout=2s", "given twice"),
        ("urlprefix-/a strip=/b", "does not begin with"),
        ("urlprefix-/ab strip=/a", "does not begin with"),
        ("urlprefix-/a strip=/", "does not begin with"),
        ("urlprefix-/a strip=a", "not a plain path"),
        ("urlprefix-/a timeout=", "no duration"),
        ("urlprefix-/a timeout=30", "no duration"),
        ("urlprefix-/a timeout=1s2", "no duration"),
        ("urlprefix-/a timeout=-1s", "no duration"),
        ("urlprefix-/a timeout=0s", "between"),
        ("urlprefix-/a timeout=2h", "between"),
        ("urlprefix-/a timeout=" + "9" * 400 + "s", "between"),
    ],
)
def test_why_a_tag_is_no_route(tag: str, why: str) -> None:
    with pytest.raises(RouteError, match=why):
        route(tag)


def test_other_tags_are_left_alone() -> None:
    assert not is_route("v1")
    assert not is_route("Urlprefix-/a")
    assert is_route("urlprefix-/a")


@given(st.text())
def test_whatever_a_tag_says_there_is_a_route_or_a_reason(text: str) -> None:
    with suppress(RouteError):  # and nothing else
        found = route("urlprefix-" + text)
        assert found.prefix == "/" or not found.prefix.endswith("/")
        assert (found.prefix + "/").startswith(found.strip + "/")
        assert found.timeout is None or 0 < found.timeout <= 3600


@given(PATHS, st.booleans(), st.integers(1, 3_600_000))
def test_what_is_written_is_read_again(path: str, replay_safe: bool, milliseconds: int) -> None:
    tag = f"urlprefix-{path} timeout={milliseconds}ms" + " replay=safe" * replay_safe
    found = route(tag)
    assert (found.prefix, found.replay_safe) == (path, replay_safe)
    assert found.timeout == pytest.approx(milliseconds / 1000)
