"""What the head of a request must be before anybody acts on it. Pure; the parser has refused the grossest before.

Strict where servers differ, because what two of them read differently is how requests are smuggled past the first.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from services.gateway.problems import Problem
from services.gateway.request import Headers

LINE_LIMIT, HEAD_LIMIT, FIELD_LIMIT = 8 * 1024, 32 * 1024, 100
"""Bytes of a request line, bytes of all fields, number of fields (RFC 9112 wants at least 8000; HAProxy takes 101)."""

HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]+")
BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
REFUSED_METHODS = frozenset({b"CONNECT", b"TRACE"})


def check_version(version: str) -> None:
    if version not in ("1.0", "1.1"):
        raise Problem(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.0 and HTTP/1.1 are spoken here")


def check_method(method: bytes) -> None:
    if method in REFUSED_METHODS:
        raise Problem(HTTPStatus.NOT_IMPLEMENTED, "this method is not forwarded")


def check_fields(version: str, headers: Headers) -> None:
    """One Host, and one way to tell where the body ends."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise _bad("there must be exactly one Host")
    if hosts and not HOST.fullmatch(hosts[0]):
        raise _bad("the Host is none")
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and version == "1.0":
        raise _bad("HTTP/1.0 has no Transfer-Encoding")
    if codings and codings != [b"chunked"]:
        raise Problem(HTTPStatus.NOT_IMPLEMENTED, "the only Transfer-Encoding understood here is chunked")


def origin_form(target: bytes, headers: Headers) -> bytes:
    """The target as a path. An absolute one is taken when it names the same host as `Host` does."""
    if target.startswith(b"/"):
        return target
    scheme, _, rest = target.partition(b"://")
    host, slash, path = rest.partition(b"/")
    if scheme.lower() != b"http" or (b"host", host) not in headers:
        raise _bad("the target must be a path")
    return slash + path or b"/"


def path_of(target: bytes) -> str:
    """The path of a target, which must not lead out of itself, also when it is decoded as an instance would."""
    path = target.partition(b"?")[0]
    if b"#" in target:
        raise _bad("a fragment is never sent")
    if b"%" in path or b"/." in path or b"\\" in path:
        if BAD_ESCAPE.search(path):
            raise _bad("a % in the path is followed by two hexadecimal digits")
        decoded = unquote_to_bytes(path).replace(b"\\", b"/")
        if any(segment in (b".", b"..") for segment in decoded.split(b"/")) or any(b < 32 or b == 127 for b in decoded):
            raise _bad("the path leads out of itself or has control characters")
    return path.decode("latin-1")


def _bad(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, detail)
