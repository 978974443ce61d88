"""The routes of a service are what its instances say together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from discovery.routing import agreed, longest_prefix
from discovery.tags import Route

PATHS = st.lists(st.sampled_from("ab"), max_size=5).map(lambda segments: "/" + "/".join(segments))


def test_options_count_while_all_agree() -> None:
    routes = agreed([["urlprefix-/a replay=safe"], ["urlprefix-/a  replay=safe", "v1"]])
    assert routes.by_prefix == {"/a": Route("/a", replay_safe=True)}
    assert routes.problems == ()


def test_options_that_instances_disagree_about_do_not_count() -> None:
    routes = agreed([["urlprefix-/a replay=safe strip=/a"], ["urlprefix-/a"], ["urlprefix-/b replay=safe"]])
    assert routes.by_prefix == {"/a": Route("/a"), "/b": Route("/b", replay_safe=True)}
    assert routes.problems == ("/a: instances disagree about its options, so none count",)


def test_one_bad_tag_does_not_hurt_the_others() -> None:
    routes = agreed([["urlprefix-example.com/a", "urlprefix-/a"]])
    assert routes.by_prefix == {"/a": Route("/a")}
    assert len(routes.problems) == 1


def test_a_bad_tag_is_quoted_so_that_it_can_be_printed() -> None:
    (problem,) = agreed([["urlprefix-/\x1b[2J\n" + "x" * 10_000]]).problems
    assert problem.isprintable()
    assert len(problem) < 2000


def test_whole_segments_only() -> None:
    table = {"/encrypt": 1}
    assert longest_prefix(table, "/encrypt") == 1
    assert longest_prefix(table, "/encrypt/") == 1
    assert longest_prefix(table, "/encrypt/x") == 1
    assert longest_prefix(table, "/encryption") is None
    assert longest_prefix(table, "/") is None
    assert longest_prefix(table, "") is None
    assert longest_prefix(table, "*") is None


def test_the_longest_prefix_wins_and_the_root_takes_the_rest() -> None:
    table = {"/": "root", "/a": "a", "/a/b": "ab"}
    asked = {path: longest_prefix(table, path) for path in ("/a/b/c", "/a/c", "/c", "/", "")}
    assert asked == {"/a/b/c": "ab", "/a/c": "a", "/c": "root", "/": "root", "": "root"}


@given(st.sets(PATHS), PATHS)
def test_as_somebody_would_who_tries_them_all(prefixes: set[str], path: str) -> None:
    under = [each for each in prefixes if each == "/" or (path + "/").startswith(each + "/")]
    expected = max(under, key=len, default=None)
    assert longest_prefix({each: each for each in prefixes}, path) == expected
