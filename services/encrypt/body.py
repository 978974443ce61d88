"""A JSON object off the wire: bounded in size and time, and read strictly.

What is said of a bad body names fields of ours and positions, never a word of the body itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request


class FieldError(NamedTuple):
    """`pointer` is a JSON pointer (RFC 6901) to one of our own fields, or empty for the whole body."""

    pointer: str
    detail: str


class Refused(Exception):
    """The body is none that we take: `status` is 400, 408, 413, 415 or 422."""

    outcome = "invalid"

    def __init__(self, status: int, detail: str, errors: Iterable[FieldError] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)


class Abandoned(Exception):
    """The client has gone away; nobody is there to answer."""

    outcome = "abandoned"


@dataclass(frozen=True, slots=True)
class BodyLimits:
    bytes: int
    seconds: float


Model = TypeVar("Model", bound=BaseModel)


async def read(request: Request, model: type[Model], limits: BodyLimits) -> Model:
    """The body as a `model`. Raises Refused and Abandoned."""
    if not is_json(request.headers.get("content-type", "")):
        raise Refused(415, "send JSON, and say so: Content-Type: application/json")
    return validated(strict_json(await collected(request, limits)), model)


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


def strict_json(body: bytes) -> object:
    """Raises Refused for what is not JSON in UTF-8, nested beyond reason, or ambiguous."""
    with suppress(UnicodeDecodeError):
        return _parsed(body.decode())
    raise Refused(400, "the body is not UTF-8")


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON (at character {error.pos})"
    except RecursionError:
        detail = "the body is nested too deeply"
    except ValueError as error:
        detail = str(error) if isinstance(error, _Ambiguous) else "the body has a number beyond reason"
    raise Refused(400, detail)


class _Ambiguous(ValueError):
    pass


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Ambiguous("the body names a field twice")
    return found


def _no_number(_: str) -> None:
    raise _Ambiguous("NaN and Infinity are not JSON")


def validated(document: object, model: type[Model]) -> Model:
    """Raises Refused, which never names a field that a client made up."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        errors = [_field_error(each["type"], each["loc"], model) for each in error.errors(include_input=False)]
    raise Refused(422, "the body is not as the API wants it", dict.fromkeys(errors))


def _field_error(kind: str, location: tuple[int | str, ...], model: type[BaseModel]) -> FieldError:
    wanted = ", ".join(model.model_fields)
    if kind == "extra_forbidden":
        return FieldError("", f"has a field that the API does not know; it knows {wanted}")
    if kind == "model_type":
        return FieldError("", f"must be a JSON object with {wanted}")
    pointer = "".join(f"/{each}" for each in location)
    return FieldError(pointer, _SAID.get(kind, "cannot be used"))


_SAID = {
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
}
