"""What an instance gets of the fields that a client sent."""

from __future__ import annotations

from services.gateway.fields import understand
from services.gateway.forwarded import Peer
from services.gateway.marks import complete
from services.gateway.request import Headers


def seen_by_instance(raw: Headers, client: str = "192.0.2.7", *, is_trusted: bool = False) -> list[tuple[bytes, bytes]]:
    fields = understand("1.1" if raw else "1.0", raw, Peer(client, is_trusted))
    lines = (fields.encoded + complete(fields.given).encoded()).split(b"\r\n")[:-1]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
