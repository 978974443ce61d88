"""A request's body off the wire: announced as JSON, and bounded in size and time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from services.encrypt.refused import Abandoned, Refused
from services.encrypt.strict_json import Model, document


@dataclass(frozen=True, slots=True)
class BodyLimits:
    bytes: int
    seconds: float


async def read(request: Request, model: type[Model], limits: BodyLimits) -> Model:
    """The body as a `model`. Raises Refused and Abandoned."""
    if not is_json(request.headers.get("content-type", "")):
        raise Refused(415, "send JSON, and say so: Content-Type: application/json")
    return document(await collected(request, limits), model)


def is_json(content_type: str) -> bool:
    """Only said outright: what a web page may send to any address without being asked is no JSON."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


async def collected(request: Request, limits: BodyLimits) -> bytes:
    """The whole body, but not a byte more than the limit: what was announced counts, and what comes."""
    if announced(request.headers.get("content-length", "")) > limits.bytes:
        raise _too_long(limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.bytes:
                    raise _too_long(limits)
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {limits.seconds:g} s") from None
    except ClientDisconnect:
        raise Abandoned from None
    return bytes(body)


def announced(content_length: str) -> int:
    """Bytes, as far as the header can be understood; what really comes is counted anyway."""
    digits = content_length[:20]  # more than any body has, and few enough to be cheap
    return int(digits) if digits.isascii() and digits.isdecimal() else 0


def _too_long(limits: BodyLimits) -> Refused:
    return Refused(413, f"the body must be at most {limits.bytes} bytes")
