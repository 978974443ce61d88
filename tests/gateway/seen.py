"""What an instance gets of the fields that a client sent."""

from __future__ import annotations

from services.gateway.fields import understand
from services.gateway.marks import complete
from services.gateway.request import Headers


def seen_by_instance(raw: Headers, client: str = "192.0.2.7") -> list[tuple[bytes, bytes]]:
    fields = understand("1.1" if raw else "1.0", raw, client)
    lines = (fields.encoded + complete(fields.given).encoded()).split(b"\r\n")[:-1]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
