"""What a head must be: version, method, Host, lengths, target and path."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.framing import check_fields, check_method, check_version, origin_form, path_of
from services.gateway.problems import Problem

HOST = (b"host", b"shop.example")


def refused(status: HTTPStatus) -> pytest.RaisesExc[Problem]:
    return pytest.raises(Problem, check=lambda problem: problem.status is status)


@pytest.mark.parametrize("version", ["0.9", "2.0", "1.2", "3.0"])
def test_other_versions_are_refused(version: str) -> None:
    with refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED):
        check_version(version)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_both_versions_of_the_wire_are_spoken(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("method", [b"CONNECT", b"TRACE"])
def test_methods_that_make_a_gateway_a_tool_are_refused(method: bytes) -> None:
    with refused(HTTPStatus.NOT_IMPLEMENTED):
        check_method(method)


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"PROPFIND"])
def test_other_methods_pass(method: bytes) -> None:
    check_method(method)


@pytest.mark.parametrize(
    "host",
    [b"shop.example", b"shop.example:8080", b"127.0.0.1:1", b"[::1]:8080", b"under_score", b"xn--bcher-kva.example"],
)
def test_a_host_may_be_a_name_or_an_address(host: bytes) -> None:
    check_fields("1.1", [(b"host", host)])


@pytest.mark.parametrize(
    "host", [b"", b"a b", b"a/b", b"a@b", b'a"b', b"a\\b", b"a?b", b"a#b", b"a<b", b"caf\xe9", b"a\x7fb"]
)
def test_a_host_that_is_none_is_refused(host: bytes) -> None:
    with refused(HTTPStatus.BAD_REQUEST):
        check_fields("1.1", [(b"host", host)])


@pytest.mark.parametrize("fields", [[], [HOST, HOST], [HOST, (b"host", b"other")]])
def test_there_is_exactly_one_host(fields: list[tuple[bytes, bytes]]) -> None:
    with refused(HTTPStatus.BAD_REQUEST):
        check_fields("1.1", fields)


def test_only_http_1_0_may_have_no_host() -> None:
    check_fields("1.0", [])


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"chunked, chunked", b"identity", b"xchunked", b""])
def test_the_only_coding_is_chunked(coding: bytes) -> None:
    with refused(HTTPStatus.NOT_IMPLEMENTED):
        check_fields("1.1", [HOST, (b"transfer-encoding", coding)])


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b" chunked "])
def test_chunked_is_understood_in_any_case(coding: bytes) -> None:
    check_fields("1.1", [HOST, (b"transfer-encoding", coding)])


def test_two_codings_are_refused() -> None:
    with refused(HTTPStatus.NOT_IMPLEMENTED):
        check_fields("1.1", [HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")])


def test_http_1_0_has_no_codings() -> None:
    with refused(HTTPStatus.BAD_REQUEST):
        check_fields("1.0", [HOST, (b"transfer-encoding", b"chunked")])


def test_an_absolute_target_becomes_a_path() -> None:
    assert origin_form(b"http://shop.example/a/b?c=d", [HOST]) == b"/a/b?c=d"
    assert origin_form(b"HTTP://shop.example/", [HOST]) == b"/"
    assert origin_form(b"http://shop.example", [HOST]) == b"/"


@pytest.mark.parametrize(
    "target",
    [
        b"*",
        b"",
        b"shop.example:80",
        b"http://other.example/a",
        b"http://user@shop.example/a",
        b"https://shop.example/a",
        b"ftp://shop.example/a",
        b"http://shop.example?a",
        b"http:///a",
        b"a/b",
    ],
)
def test_other_targets_are_refused(target: bytes) -> None:
    with refused(HTTPStatus.BAD_REQUEST):
        origin_form(target, [HOST])


@given(st.binary().map(lambda tail: b"/" + tail))
def test_a_target_that_is_a_path_stays_as_it_is(target: bytes) -> None:
    assert origin_form(target, [HOST]) == target


@pytest.mark.parametrize(
    "target",
    [
        b"/a/../b",
        b"/a/./b",
        b"/..",
        b"/.",
        b"/a/..",
        b"/a/%2e%2e/b",
        b"/a/%2E./b",
        b"/a/.%2e",
        b"/a%2f..%2fb",
        b"/a%2F%2e%2E",
        b"/a\\..\\b",
        b"/a/..\\b",
        b"/a%5c..%5Cb",
    ],
)
def test_a_path_must_not_lead_out_of_itself(target: bytes) -> None:
    with refused(HTTPStatus.BAD_REQUEST):
        path_of(target)


@pytest.mark.parametrize("target", [b"/a%00", b"/a%0a", b"/a%0D", b"/a%1b[2J", b"/a%7f"])
def test_a_path_has_no_control_characters(target: bytes) -> None:
    with refused(HTTPStatus.BAD_REQUEST):
        path_of(target)


@pytest.mark.parametrize("target", [b"/a%", b"/a%2", b"/a%zz", b"/a%%41", b"/a%u0041", b"/a%+1"])
def test_a_path_is_encoded_properly_or_not_at_all(target: bytes) -> None:
    with refused(HTTPStatus.BAD_REQUEST):
        path_of(target)


def test_a_fragment_is_never_sent() -> None:
    with refused(HTTPStatus.BAD_REQUEST):
        path_of(b"/a#b")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/", "/"),
        (b"/a?b=/../c%00%", "/a"),
        (b"/a//b/", "/a//b/"),
        (b"/...", "/..."),
        (b"/a/..b/b..", "/a/..b/b.."),
        (b"/a/.hidden", "/a/.hidden"),
        (b"/a%2Fb", "/a%2Fb"),
        (b"/%C3%A9", "/%C3%A9"),
        (b"/\xc3\xa9", "/\u00c3\u00a9"),
        (b"/%252e%252e/x", "/%252e%252e/x"),
    ],
)
def test_a_path_is_what_stands_before_the_query(target: bytes, path: str) -> None:
    assert path_of(target) == path


@given(st.lists(st.sampled_from([b"/", b".", b"%2e", b"%2F", b"\\", b"%5c", b"a", b"%61", b"%"]), max_size=8))
def test_no_spelling_of_a_dot_segment_passes(parts: list[bytes]) -> None:
    target = b"/" + b"".join(parts)
    try:
        path_of(target)
    except Problem:
        return
    segments = unquote_to_bytes(target).replace(b"\\", b"/").split(b"/")
    assert b".." not in segments
    assert b"." not in segments
