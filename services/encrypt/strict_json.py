"""Bytes to a document of ours, strictly: what is ambiguous, unknown or of another type is refused, not guessed.

What is said of a bad body names fields of ours and positions, never a word of the body itself.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.encrypt.refused import FieldError, Refused

Model = TypeVar("Model", bound=BaseModel)


def document(body: bytes, model: type[Model]) -> Model:
    """The body as a `model`. Raises Refused (400 or 422)."""
    return validated(parsed(body), model)


def parsed(body: bytes) -> object:
    """Raises Refused for what is not JSON in UTF-8, nested beyond reason, or ambiguous."""
    with suppress(UnicodeDecodeError):
        return _parsed_text(body.decode())
    raise Refused(400, "the body is not UTF-8")


def _parsed_text(text: str) -> object:
    if len(_STRING.sub("", text, count=STRINGS)) > SKELETON:
        raise Refused(400, "the body has more structure than any request to this API, or is nested too deeply")
    try:
        return json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON (at character {error.pos})"
    except _Ambiguous as error:
        detail = str(error)
    raise Refused(400, detail)


STRINGS, SKELETON = 20, 300
"""How many strings a body may have, and how many characters outside of them. Ours need six and a dozen; but
a megabyte of brackets would keep a parser, and with it everybody else, waiting for 130 ms."""

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive, and the end optional: always linear


class _Ambiguous(ValueError):
    pass


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Ambiguous("the body names a field twice")
    return found


def _no_number(_: str) -> None:
    raise _Ambiguous("NaN and Infinity are not JSON")


def validated(value: object, model: type[Model]) -> Model:
    """Raises Refused, which never names a field that a client made up."""
    errors = _strangers(value, model)
    if not errors:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            errors = [_field_error(each["type"], each["loc"]) for each in error.errors(include_input=False)]
    raise Refused(422, "the body is not as the API wants it", errors)


def _strangers(value: object, model: type[BaseModel]) -> list[FieldError]:
    """Told once, however many there are: a list of a hundred thousand would be work for us, not for them."""
    known = ", ".join(model.model_fields)
    if not isinstance(value, dict):
        return [FieldError("#", f"must be a JSON object with {known}")]
    if not value.keys() <= model.model_fields.keys():
        return [FieldError("#", f"has a field that the API does not know; it knows {known}")]
    return []


def _field_error(kind: str, location: tuple[int | str, ...]) -> FieldError:
    return FieldError("#" + "".join(f"/{each}" for each in location), _SAID.get(kind, "cannot be used"))


_SAID = {
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
}
