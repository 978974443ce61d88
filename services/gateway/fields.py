"""The fields of a request, understood once: what they mean to the gateway, and as bytes for an instance.

A client that keeps its connection mostly sends the same fields again; whoever reads them compares before it thinks.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from services.gateway.forwarded import Peer
from services.gateway.framing import check_fields
from services.gateway.headers import encode, for_upstream
from services.gateway.marks import Marks, given_marks
from services.gateway.problems import Problem
from services.gateway.request import Headers


@dataclass(frozen=True, slots=True)
class Fields:
    """`length` of the body is None when it is chunked; `encoded` lacks the marks, of which `given` are the client's.

    Only HTTP/1.0 may have no Host: then it lacks that too, which every instance wants.
    """

    raw: Headers
    encoded: bytes
    given: Marks
    length: int | None
    has_host: bool
    expects: bool
    upgrade: bytes


def understand(version: str, raw: Headers, peer: Peer) -> Fields:
    """Raises Problem for fields that cannot be acted upon."""
    check_fields(version, raw)
    said = dict(raw)
    expectation = said.get(b"expect", b"").strip().lower() if version == "1.1" else b""
    if expectation not in (b"", b"100-continue"):
        raise Problem(HTTPStatus.EXPECTATION_FAILED, "the only expectation understood here is 100-continue")
    length = None if b"transfer-encoding" in said else int(said.get(b"content-length", b"0"))
    upgrade = said.get(b"upgrade", b"").strip().lower()
    return Fields(
        raw=raw,
        encoded=encode(for_upstream(raw, peer=peer, scheme=b"http")),
        given=given_marks(raw),
        length=length,
        has_host=b"host" in said,
        expects=bool(expectation) and length != 0,
        upgrade=upgrade if upgrade == b"websocket" else b"",
    )
