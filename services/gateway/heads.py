"""The head of a response, understood once: where its body ends, who sent it, and what of it a client sees.

An instance mostly sends the same fields again; whoever reads them compares before it thinks.
"""

from __future__ import annotations

from dataclasses import dataclass

from discovery.errors import ResponseMalformed
from discovery.identity import HEADER
from services.gateway.headers import encode, for_client
from services.gateway.request import Headers

IDENTITY = HEADER.encode()


@dataclass(frozen=True, slots=True)
class Head:
    """`raw` as they came. `passed` is encoded. Without a length and not chunked, only the connection ends the body."""

    raw: Headers
    passed: bytes
    identity: str | None
    retry_after: float | None
    length: int | None
    is_chunked: bool
    has_date: bool
    upgrade: bytes


def understand_head(raw: Headers, served_by: str) -> Head:
    """Raises ResponseMalformed when it is not clear how long the body is (RFC 9112, section 6.3)."""
    headers = [(name.lower(), value) for name, value in raw]
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) + len(codings) > 1 or any(coding != b"chunked" for coding in codings):
        raise ResponseMalformed("the response's length is not clear")
    said = dict(headers)
    pause, identity = said.get(b"retry-after", b""), said.get(IDENTITY)
    return Head(
        raw=raw,
        passed=encode(for_client(headers, served_by=served_by)),
        identity=None if identity is None else identity.decode("latin-1"),
        retry_after=float(pause) if pause.isdigit() else None,
        length=int(lengths[0]) if lengths else None,
        is_chunked=bool(codings),
        has_date=b"date" in said,
        upgrade=said.get(b"upgrade", b"").strip().lower(),
    )
